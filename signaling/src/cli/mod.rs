// SPDX-License-Identifier: MPL-2.0
//! The command line: what the words mean, and how an error leaves.

pub mod config;
mod enrol;
mod file;
mod reload;
mod serve;
mod turn;

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use url::Url;

/// Porthole's signaling server: says who may look through which camera, and introduces the two.
#[derive(Debug, Parser)]
#[command(name = "porthole-signaling", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
To begin:
  porthole-signaling camera add \"Front door\" --config porthole.toml --output front-door.key
  porthole-signaling viewer add alice --config porthole.toml
  porthole-signaling serve --config porthole.toml

A running server reads its file again on SIGHUP.
Messages go to stderr; PORTHOLE_LOG=debug shows more of them.
Exit codes: 0 done, 1 it did not work, 2 what was typed or configured is wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server
    Serve {
        #[command(flatten)]
        file: ConfigFile,
        /// Listen here instead of where the file says, e.g. 0.0.0.0:8080; port 0 picks a free one
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
    },
    /// Enrol, list and remove cameras
    #[command(subcommand)]
    Camera(CameraCommand),
    /// Let viewers in, list and remove them
    #[command(subcommand)]
    Viewer(ViewerCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration file
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Debug, Args)]
struct ServerUrl {
    /// Where the server is reached from outside; written into a file that has no `url` yet [default: `url` of the
    /// file, else where it listens]
    #[arg(long, value_name = "URL")]
    url: Option<Url>,
}

#[derive(Debug, Subcommand)]
enum CameraCommand {
    /// Enrol a camera and print its camera key, which is a secret, on stdout
    Add {
        /// Name shown to viewers
        name: String,
        /// Id in addresses and grants [default: made of the name]
        #[arg(long)]
        id: Option<String>,
        /// Write the key into this new file, which only its owner can read, and not on stdout
        #[arg(long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Certificates (PEM) that the server's must be signed by, for a server with a private one; they go into the key
        #[arg(long, value_name = "FILE")]
        ca: Option<PathBuf>,
        #[command(flatten)]
        file: ConfigFile,
        #[command(flatten)]
        url: ServerUrl,
    },
    /// Print id and name of each camera
    List {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Remove a camera: its key is void
    Remove {
        /// Its id
        id: String,
        #[command(flatten)]
        file: ConfigFile,
    },
}

#[derive(Debug, Subcommand)]
enum ViewerCommand {
    /// Let someone in and print the link, which is a secret, on stdout
    Add {
        /// Name that stands in grants and logs
        name: String,
        /// Ids of the cameras [default: all, also those enrolled later]
        #[arg(long, value_delimiter = ',', value_name = "ID,ID")]
        cameras: Option<Vec<String>>,
        /// Out of view, listen, talk, control
        #[arg(
            long,
            value_delimiter = ',',
            value_name = "PERM,PERM",
            default_value = "view,listen"
        )]
        perms: Vec<String>,
        /// Seconds after which a session ends and has to be asked for again
        #[arg(long, value_name = "SECONDS")]
        lease: Option<u32>,
        #[command(flatten)]
        file: ConfigFile,
        #[command(flatten)]
        url: ServerUrl,
    },
    /// Print each viewer's name and permissions
    List {
        #[command(flatten)]
        file: ConfigFile,
    },
    /// Remove a viewer: the link is void
    Remove {
        /// The name
        name: String,
        #[command(flatten)]
        file: ConfigFile,
    },
}

/// Why a command failed, in one sentence.
#[derive(Debug)]
pub enum Failure {
    /// What was typed or configured is wrong.
    Input(String),
    /// The system did not do it.
    System(String),
}

impl Failure {
    fn input(message: impl fmt::Display) -> Self {
        Self::Input(message.to_string())
    }

    fn system(message: impl fmt::Display) -> Self {
        Self::System(message.to_string())
    }
}

/// Runs the command that was typed. Errors leave as one line on stderr and the exit code.
pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve { file, listen } => serve::run(&file.config, listen),
        Command::Camera(command) => enrol::camera(command),
        Command::Viewer(command) => enrol::viewer(command),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "porthole-signaling",
                &mut io::stdout(),
            );
            Ok(())
        }
    };
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Input(message)) => (message, 2),
        Err(Failure::System(message)) => (message, 1),
    };
    // Nothing is left to do when stderr is closed as well.
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(code)
}

/// Prints a line on stdout, where a script may read it.
fn print(line: impl fmt::Display) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(|e| Failure::system(format!("cannot write: {e}")))
}

/// Prints a remark on stderr.
fn remark(line: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
