//! The `deskbridge` program.

use std::process::ExitCode;

use clap::Parser;
use deskbridge::cli::{self, Cli};

/// Every chat makes hundreds of small allocations on several threads: the system's allocator costs a quarter of the
/// process's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
