//! The page that shows how to write a service shows what is compiled, and names every service.

use podium_workers::SERVICES;

const PAGE: &str = include_str!("../../docs/services/README.md");
const EXAMPLE: &str = include_str!("../examples/line_counter.rs");

#[test]
fn the_example_is_the_compiled_one() {
    assert!(PAGE.contains(EXAMPLE), "docs/services/README.md shows another line_counter.rs");
}

#[test]
fn every_service_is_on_the_page() {
    for service in SERVICES {
        let (name, topic) = (service.name(), service.topic());
        assert!(PAGE.contains(&format!("`{name}`")) && PAGE.contains(&format!("`{topic}`")), "{name}");
    }
}
