//! Tells cargo that the pages (`ui/dist`, made by `make ui`) are part of the binary: new files in it are a change.

fn main() {
    println!("cargo::rerun-if-changed=../ui/dist");
}
