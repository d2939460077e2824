//! Doing what the command line asks for.
#![expect(clippy::print_stdout, reason = "a command's answer belongs on standard output")]

use std::process::ExitCode;

use super::{
    Cli, Command, RoleArg, TokenArgs, apikey, customer,
    doctor::{self, Finding},
    evaluate::evaluate,
    knowledge, sync,
};
use crate::{
    api::{self, Claims, Tokens},
    app::{self, App},
    config::Config,
    helpdesk::{Clock, Role, SCOPES, Swept},
    logging,
};

/// Runs a command to its end.
///
/// # Errors
/// Whatever kept it from its end, in words for the person who called it.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let config = Config::load(cli.config.as_deref())?;
    match cli.command {
        Command::Serve => {
            let _logging = logging::init()?;
            App::start(config).await?.run_until(asked_to_stop()).await;
        }
        Command::Migrate => {
            let store = app::connect(&config).await?;
            let steps = store.migrate().await?;
            store.close().await;
            match steps {
                0 => println!("the database is up to date"),
                n => println!("the database is up to date: {n} step(s) were run"),
            }
        }
        Command::Sweep => {
            let Swept { nudged, resolved, closed, timed_out, woken, told, forgotten, .. } = app::sweep(&config).await?;
            println!(
                "{nudged} nudged, {resolved} resolved, {closed} closed, {timed_out} back in the queue, {woken} woken, \
                 {told} told, {forgotten} forgotten"
            );
        }
        Command::Export(args) => customer::export(&config, args).await?,
        Command::Erase(args) => customer::erase(&config, args).await?,
        Command::Sync(args) => return Ok(sync::run(&config, args).await),
        Command::Openapi => print!("{}", api::openapi()?),
        Command::Token(args) => println!("{}", token(&config, args)?),
        Command::Apikey(command) => apikey::run(&config, command).await?,
        Command::Knowledge(command) => return knowledge::run(&config, command).await,
        Command::Eval(args) => {
            let (code, report) = evaluate(config, *args).await?;
            print!("{report}");
            return Ok(code);
        }
        Command::Doctor => return Ok(examine(&config).await),
    }
    Ok(ExitCode::SUCCESS)
}

fn token(config: &Config, args: TokenArgs) -> anyhow::Result<String> {
    let role = match args.role {
        RoleArg::Customer => Role::Customer,
        RoleArg::Agent => Role::Agent,
        RoleArg::Admin => Role::Admin,
        RoleArg::Service => Role::Service,
    };
    for desk in &args.desks {
        anyhow::ensure!(config.desk.iter().any(|known| known.name == *desk), "there is no desk '{desk}'");
    }
    if let Some(unknown) = args.scopes.iter().find(|scope| !SCOPES.contains(&scope.as_str())) {
        anyhow::bail!("there is no scope '{unknown}': {}", SCOPES.join(", "));
    }
    let expires = Clock::default().now() + args.ttl;
    let claims = Claims {
        sub: args.sub,
        role,
        exp: expires.timestamp().try_into()?,
        name: args.name,
        desks: (!args.desks.is_empty()).then_some(args.desks),
        scopes: args.scopes,
    };
    Ok(Tokens::new(config.jwt_secret()?.expose()).mint(&claims)?)
}

async fn examine(config: &Config) -> ExitCode {
    let well = doctor::examine(config, |name, finding| match finding {
        Finding::Good(how) => println!("ok    {name:<14} {how}"),
        Finding::Bad(what) => println!("FAIL  {name:<14} {what}"),
    })
    .await;
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Ctrl-C, or SIGTERM as service managers send it.
async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            tracing::error!(%error, "SIGTERM cannot be heard; Ctrl-C can");
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}
