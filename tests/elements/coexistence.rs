// SPDX-License-Identifier: MPL-2.0
//! Porthole beside the stock webrtcsink plugin, in processes of their own.
//!
//! Cargo builds the stock plugin as a by-product: gst-plugin-webrtc is a cdylib as well.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::common::{
    Folder,
    program::{Ended, run},
};

const OURS: &str = "libgstporthole.so";
const STOCK: &str = "libgstrswebrtc.so";

/// A plugin folder with ours and the stock one.
struct Plugins(Folder);

impl Plugins {
    fn new() -> Self {
        let built = env::current_exe().unwrap().parent().unwrap().to_owned();
        let folder = Folder::new();
        fs::create_dir(folder.path("plugins")).unwrap();
        for (from, name) in [(built.join(OURS), OURS), (newest_stock(&built), STOCK)] {
            assert!(from.is_file(), "cargo built no {}", from.display());
            std::os::unix::fs::symlink(from, folder.path("plugins").join(name)).unwrap();
        }
        Self(folder)
    }

    fn run(&self, program: &str, arguments: &str) -> Ended {
        run(Command::new(program)
            .args(arguments.split_whitespace())
            .env("GST_PLUGIN_PATH", self.0.path("plugins"))
            .env("GST_REGISTRY", self.0.path("registry.bin"))
            .env_remove("PORTHOLE_CAMERA_KEY"))
    }

    /// Runs a GStreamer program that loads `plugin` before anything else.
    fn run_beside(&self, plugin: &str, program: &str, arguments: &str) -> Ended {
        let plugin = self.0.path("plugins").join(plugin);
        let load = format!("--gst-plugin-load={}", plugin.display());
        self.run(program, &format!("{load} {arguments}"))
    }
}

fn newest_stock(folder: &Path) -> PathBuf {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    files
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("libgstrswebrtc") && name.ends_with(".so")
        })
        .max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap())
        .expect("cargo builds the stock plugin beside ours")
}

#[test]
fn both_plugins_are_inspected_in_full() {
    let plugins = Plugins::new();
    let ours = plugins.run("gst-inspect-1.0", "porthole");
    assert!(ours.status.success(), "{}", ours.output);
    for element in ["portholesrc", "portholeoverlay", "portholesink"] {
        assert!(ours.output.contains(element), "{element}: {}", ours.output);
    }
    let stock = plugins.run("gst-inspect-1.0", "webrtcsink");
    assert!(stock.status.success(), "{}", stock.output);
}

#[test]
fn camera_and_overlay_work_beside_the_stock_plugin() {
    let ended = Plugins::new().run_beside(
        STOCK,
        "gst-launch-1.0",
        "portholesrc ! portholeoverlay ! fakesink num-buffers=5",
    );
    assert!(ended.status.success(), "{}", ended.output);
}

#[test]
fn the_stock_sink_can_be_made_after_our_plugin_was_loaded() {
    let ended = Plugins::new().run_beside(OURS, "gst-inspect-1.0", "webrtcsink");
    assert!(ended.status.success(), "{}", ended.output);
    assert!(ended.output.contains("GstWebRTCSink"), "{}", ended.output);
}

#[test]
fn the_sink_says_what_to_do_beside_the_stock_plugin_and_ends_in_order() {
    let ended = Plugins::new().run_beside(
        STOCK,
        "gst-launch-1.0",
        "portholesrc ! portholesink listen=127.0.0.1:0",
    );
    assert!(ended.output.contains("librswebrtc.so"), "{}", ended.output);
    assert!(!ended.output.contains("panicked"), "{}", ended.output);
    // No code is an end by a signal.
    let code = ended.status.code().expect("it ends by itself");
    assert_ne!(code, 0, "{}", ended.output);
}
