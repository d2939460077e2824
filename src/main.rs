//! The `deskbridge` program.

use std::process::ExitCode;

use clap::Parser;
use deskbridge::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // reqwest finds its TLS provider here, and panics if there is none. Only this line ever installs one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli::run(cli).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("deskbridge: {error:#}");
            ExitCode::FAILURE
        }
    }
}
