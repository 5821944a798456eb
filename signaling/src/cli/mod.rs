// SPDX-License-Identifier: MPL-2.0
//! The command line: what the words mean, and how an error leaves.

mod adapters;
mod auth;
#[cfg(feature = "cluster")]
mod cluster;
pub mod config;
mod doorbell;
mod embed;
mod enrol;
mod environment;
mod file;
mod init;
mod manage;
mod mistake;
mod nearest;
mod notifiers;
mod notify;
mod openid;
mod place;
mod reload;
mod secret;
mod serve;
mod sfu;
mod start;
mod streamer;
mod turn;
mod values;
mod whep;

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use tokio::time::{Instant, sleep};
use url::Url;

use place::Where;

use crate::data_lock::DataDirLock;

/// Porthole's signaling server: says who may look through which camera, and introduces the two.
#[derive(Debug, Parser)]
#[command(name = "porthole-signaling", version, after_help = AFTER_HELP)]
struct Cli {
    #[command(flatten)]
    place: Where,
    #[command(flatten)]
    output: manage::Output,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
To begin:
  porthole-signaling init
  porthole-signaling camera add front --name \"Front door\" --output front.key
  porthole-signaling share front --for 2h
  porthole-signaling serve

Accounts, cameras and bookings are kept in the data directory. All commands act on a running server at once. A small
set-up may be kept in a configuration file instead: with --config, and no data directory in it, camera and viewer
change that file, which a running server reads again on SIGHUP.
Messages go to stderr; LOG_LEVEL=debug shows more of them.
Exit codes: 0 done, 1 it did not work, 2 what was typed or configured is wrong.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a data directory with its database, the key that signs grants and the first administrator
    Init {
        /// The first administrator's name
        #[arg(long, default_value = "admin", value_name = "NAME")]
        administrator: String,
        /// Where the server is reached from outside, e.g. https://cameras.example.org
        #[arg(long, value_name = "URL")]
        url: Option<Url>,
    },
    /// Run the server
    Serve {
        /// Listen here instead of where the file says, e.g. 0.0.0.0:8080; port 0 picks a free one
        #[arg(long, value_name = "ADDR")]
        listen: Option<SocketAddr>,
        /// First make what is missing in the data directory, without an account, as services want it
        #[arg(long)]
        init: bool,
        /// Let robots, doorbells and pages in that speak Socket.IO, at /socket.io/; docs/socketio.md says what they say
        #[arg(long)]
        socketio: bool,
        /// Let the clients of a three-service system in, whose JSON goes over plain WebSockets at the root
        #[arg(long)]
        three_service: bool,
    },
    /// Run the cameras and ports that a dual-camera streamer's configuration (--config) names, and a server for them
    Run(streamer::RunArgs),
    /// Enrol, list and remove cameras
    #[command(subcommand)]
    Camera(CameraCommand),
    /// Add, list, change and remove users
    #[command(subcommand)]
    User(manage::UserCommand),
    /// Say who may look through which camera, and when
    #[command(subcommand, visible_alias = "bookings")]
    Booking(manage::BookingCommand),
    /// Say what viewers may book themselves
    #[command(subcommand)]
    SelfBooking(manage::SelfBookingCommand),
    /// Print a link that lets whoever has it look through one camera for a while
    Share(manage::ShareCommand),
    /// List who watches now
    Sessions,
    /// List sessions, or end one
    #[command(subcommand)]
    Session(manage::SessionCommand),
    /// List the servers that are one
    Nodes,
    /// List the servers that are one, or have the clients of one go to the others
    #[command(subcommand)]
    Node(manage::NodeCommand),
    /// Ring a camera's bell, as its button does
    Ring(manage::RingArgs),
    /// Show who rang when, who answered, and for how long
    Calls(manage::CallsArgs),
    /// Tell somebody, as a bell does, to see whether it comes
    #[command(subcommand)]
    Notify(manage::NotifyCommand),
    /// Show who watched what, and who changed what
    Audit(manage::AuditArgs),
    /// Add users, cameras and bookings by the file: all of them, or none
    Import(manage::ImportArgs),
    /// Print all users, cameras or bookings, for tables and for `import`
    Export(manage::ExportArgs),
    /// Write a copy of the database into a new file, while the server runs
    Backup {
        /// The new file
        to: PathBuf,
    },
    /// The key that signs grants
    #[command(subcommand)]
    Key(KeyCommand),
    /// Have a running server read its configuration, certificates and key again, as SIGHUP does
    Reload,
    /// Let viewers in by a configuration file, list and remove them
    #[command(subcommand)]
    Viewer(ViewerCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write a manual page for each command into a directory, for packages
    #[command(hide = true)]
    Man {
        /// The directory
        dir: PathBuf,
    },
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
    /// Enrol a camera and print its camera key, which is a secret and shown this once
    Add {
        /// Id in addresses and grants, such as front; or the name, of which the id is made
        camera: String,
        /// Name shown to viewers [default: what the camera is called above]
        #[arg(long)]
        name: Option<String>,
        /// Id in addresses and grants [default: made of what the camera is called above]
        #[arg(long)]
        id: Option<String>,
        #[command(flatten)]
        key: KeyOutput,
        #[command(flatten)]
        url: ServerUrl,
        /// A UUID that you have made: say it again, and the same camera has the same key
        #[arg(long, value_name = "UUID")]
        request: Option<String>,
    },
    /// List the cameras
    List {
        /// Those in whose id or name this is
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
    /// Show a camera
    Show {
        /// Its id
        id: String,
    },
    /// Give a camera another name
    Rename {
        /// Its id
        id: String,
        /// The name shown to viewers
        name: String,
    },
    /// Print a new key for a camera; the one before is void at once
    Rotate {
        /// Its id
        id: String,
        #[command(flatten)]
        key: KeyOutput,
    },
    /// Remove a camera with its bookings and links: its key is void
    #[command(visible_alias = "revoke")]
    Remove {
        /// Its id
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Sign with a new key from now on; cameras that know the one before learn it, and sessions go on
    Rotate,
}

/// Where a camera key goes.
#[derive(Debug, Args)]
struct KeyOutput {
    /// Write the key into this new file, which only its owner can read, and not on stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Certificates (PEM) that the server's must be signed by, for a server with a private one; they go into the key
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
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
        url: ServerUrl,
    },
    /// Print each viewer's name and permissions
    List,
    /// Remove a viewer: the link is void
    Remove {
        /// The name
        name: String,
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
    let result = run(Cli::parse());
    let (message, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Input(message)) => (message, 2),
        Err(Failure::System(message)) => (message, 1),
    };
    // Nothing is left to do when stderr is closed as well.
    let _ = writeln!(io::stderr(), "error: {message}");
    ExitCode::from(code)
}

fn run(cli: Cli) -> Result<(), Failure> {
    let Cli {
        place,
        output,
        command,
    } = cli;
    let ask = |call: manage::Call| ask(&place, call);
    match command {
        Command::Init { administrator, url } => init::run(&place, &administrator, url, output),
        Command::Serve {
            listen,
            init,
            socketio,
            three_service,
        } => {
            if init {
                init::make_missing(&place)?;
            }
            let typed = serve::Typed {
                listen,
                socketio,
                three_service,
            };
            serve::run(&place.resolve()?, &typed)
        }
        Command::Run(args) => {
            let missing = |_| Failure::input("--config FILE is missing: the streamer's own");
            streamer::run(&args, place.file().map_err(missing)?)
        }
        Command::Camera(command) => enrol::camera(command, &place, output),
        Command::User(command) => {
            if let Some(before) = command.before() {
                command.confirm(&ask(before)?)?;
            }
            command.show(&ask(command.call())?, output)
        }
        Command::Booking(command) => command.show(&ask(command.call()?)?, output),
        Command::SelfBooking(command) => command.show(&ask(command.call())?, output),
        Command::Share(command) => command.show(&ask(command.call()?)?, output),
        Command::Sessions => {
            let command = manage::SessionCommand::List { search: None };
            command.show(&ask(command.call())?, output)
        }
        Command::Session(command) => command.show(&ask(command.call())?, output),
        Command::Nodes => {
            let command = manage::NodeCommand::List;
            command.show(&ask(command.call())?, output)
        }
        Command::Node(command) => command.show(&ask(command.call())?, output),
        Command::Ring(ring) => manage::RingArgs::show(&ask(ring.call())?, output),
        Command::Calls(calls) => manage::CallsArgs::show(&ask(calls.call())?, output),
        Command::Notify(command) => command.show(&ask(command.call())?, output),
        Command::Audit(audit) => manage::audit(&ask(audit.call())?, output),
        Command::Export(export) => export.show(&ask(export.call())?),
        Command::Import(import) => import.show(&ask(import.call()?)?, output),
        Command::Backup { to } => init::backup(&place, &to),
        Command::Key(KeyCommand::Rotate) => {
            let data = place.data()?;
            file::rotate_grant_signer(&data.dir.grant_key())?;
            if reload(&data)? {
                remark("the server signs with the next key now: cameras learn it, sessions go on");
            }
            Ok(())
        }
        Command::Reload => match reload(&place.data()?)? {
            true => Ok(()),
            false => Err(Failure::system("no server runs on this data directory")),
        },
        Command::Viewer(command) => enrol::viewer(command, &place),
        Command::Completions { shell } => {
            // Not onto stdout at once: what writes them panics when nobody reads on.
            let mut script = Vec::new();
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "porthole-signaling",
                &mut script,
            );
            print_bytes(&script)
        }
        Command::Man { dir } => {
            let written = clap_mangen::generate_to(Cli::command(), &dir);
            written
                .map_err(|e| Failure::system(format!("cannot write into {}: {e}", dir.display())))
        }
    }
}

/// Has the server that runs on the data directory read its configuration again. Whether there is one.
fn reload(data: &place::Kept) -> Result<bool, Failure> {
    let reached = runtime()?.block_on(reach(data, manage::Call::reload()))?;
    Ok(matches!(reached, Reached::Answered(_)))
}

/// Whom a command has found at a data directory.
enum Reached {
    /// A server, which has answered.
    Answered(serde_json::Value),
    /// Nobody, and nobody comes while the lock is kept.
    Nobody(manage::Call, DataDirLock),
}

/// For a server that begins or ends, or another command, to be through.
const REACH_PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks at who is there.
const REACH_LOOK: Duration = Duration::from_millis(20);

/// Asks the server that runs on the data directory. One that begins hears of it once it listens, and nothing is changed
/// behind its back.
async fn reach(place: &place::Kept, mut call: manage::Call) -> Result<Reached, Failure> {
    let deadline = Instant::now() + REACH_PATIENCE;
    loop {
        call = match call.over(&place.dir.socket()).await? {
            manage::Asked::Answered(answer) => return Ok(Reached::Answered(answer)),
            manage::Asked::NobodyThere(call) => call,
        };
        if let Some(lock) = place.dir.try_lock().map_err(Failure::system)? {
            return Ok(Reached::Nobody(call, lock));
        }
        if Instant::now() >= deadline {
            let dir = place.dir.path().display();
            return Err(Failure::system(format!(
                "{dir}: a server or another command is at work on it and does not answer: try again"
            )));
        }
        sleep(REACH_LOOK).await;
    }
}

/// Asks the server that runs on the data directory, or the database itself.
fn ask(place: &Where, call: manage::Call) -> Result<serde_json::Value, Failure> {
    let place = place.data()?;
    runtime()?.block_on(async {
        let (call, lock) = match reach(&place, call).await? {
            Reached::Answered(answer) => return Ok(answer),
            Reached::Nobody(call, lock) => (call, lock),
        };
        let offline = start::offline(&place, lock).await?;
        call.by(offline.routes()).await
    })
}

/// For a command that asks once and ends.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.map_err(Failure::system)
}

/// Prints a line on stdout, where a script may read it.
fn print(line: impl fmt::Display) -> Result<(), Failure> {
    print_bytes(format!("{line}\n").as_bytes())
}

/// Whoever reads may have read enough, as `head` has: that is no failure.
fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::system(format!("cannot write: {e}")))
        }
        _ => Ok(()),
    }
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
