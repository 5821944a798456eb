//! Hands the version and the release date to `plugin_define!`, and the linker what it is to do.
fn main() {
    gst_plugin_version_helper::info();
    // Relocations of the tables of functions, 2 MB that would be read whenever the plugin is loaded, in a fortieth of that.
    // Loaders know this form since glibc 2.36, and a linker that does not know it says so and goes on.
    if std::env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "gnu") {
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,pack-relative-relocs");
    }
}
