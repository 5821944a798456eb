// SPDX-License-Identifier: MPL-2.0
//! The binary; see [`porthole_signaling::cli`].

fn main() -> std::process::ExitCode {
    porthole_signaling::cli::main()
}
