// SPDX-License-Identifier: MPL-2.0
//! What is kept stays: the same tests on SQLite and on PostgreSQL, each with a database of its own.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

/// Makes a test of each of these functions for both kinds of database.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::database::Database::sqlite().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(crate::database::Database::postgres().await).await;
            })*
        }
    };
}

mod audit;
mod batches;
mod bookings;
mod calls;
mod control;
mod crash;
mod database;
mod fences;
mod files;
mod interrupted;
mod logins;
mod passkeys;
mod people;
#[allow(dead_code, reason = "tests of several servers have it stand still")]
mod postgres;
mod push;
mod second_factors;
mod shares;
