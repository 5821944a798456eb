//! Hands the version and the release date to `plugin_define!`.
fn main() {
    gst_plugin_version_helper::info();
}
