// SPDX-License-Identifier: MPL-2.0
//! The camera's one thread, which opens and closes it and says how it is: `state` decides (pure), `run` does, `hear` takes what it
//! is told, `bus` tells the application.

mod bus;
mod hear;
mod run;
mod state;

pub(super) use bus::BusPoster;
pub(super) use run::{Config, QUIT_PATIENCE, run};
