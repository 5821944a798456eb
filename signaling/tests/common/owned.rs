// SPDX-License-Identifier: MPL-2.0
//! A data directory that `init` has made, and the commands of its owner.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};

use super::common::{Answer, http_with};
use super::program::{Folder, Serving, complaint_of, line_of, run};

/// A data directory, as `init` makes it.
pub struct House {
    pub folder: Folder,
    pub data: String,
    pub password: String,
}

impl House {
    pub fn new(test: &str) -> Self {
        let folder = Folder::new(test);
        let data = folder.file("data");
        let url = "http://127.0.0.1:9/";
        let password = line_of(&["init", "--data-dir", &data, "--url", url]);
        Self {
            folder,
            data,
            password,
        }
    }

    /// A command that must work and prints one line.
    pub fn line(&self, args: &[&str]) -> String {
        line_of(&[args, &["--data-dir", &self.data]].concat())
    }

    /// A command that must work and says nothing but JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.line(&[args, &["--json"]].concat())).unwrap()
    }

    pub fn quiet(&self, args: &[&str]) {
        let output = run(&[args, &["--data-dir", &self.data]].concat());
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {stderr}");
    }

    pub fn complaint(&self, args: &[&str]) -> String {
        complaint_of(&[args, &["--data-dir", &self.data]].concat())
    }

    pub fn mode(&self, name: &str) -> u32 {
        let path = Path::new(&self.data).join(name);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }
}

/// Logs in, as a page does.
pub async fn log_in(server: &Serving, user: &str, password: &str) -> Answer {
    let body = json!({ "user": user, "password": password }).to_string();
    let headers = [("content-type", "application/json")];
    http_with(server.address, "POST /api/session", &headers, &body).await
}
