//! The house's rules that no compiler checks: who may import whom, where SQL lies, how long files get.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use podium_tests::support::repository;
use serde_json::Value;

/// Package, the rooms it may import. What is not here may not be imported.
const MAY_IMPORT: [(&str, &[&str]); 13] = [
    ("podium-core", &[]),
    ("podium-kafka", &[]),
    ("podium-objects", &[]),
    ("podium-ledger", &[]),
    ("podium-designer", &[]),
    ("podium-store", &["podium-core"]),
    ("podium-runtime", &["podium-core", "podium-store", "podium-objects"]),
    ("podium-api", &["podium-core", "podium-runtime"]),
    ("podium-events", &["podium-core", "podium-runtime", "podium-kafka"]),
    (
        "podium-workers",
        &[
            "podium-core",
            "podium-runtime",
            "podium-kafka",
            "podium-objects",
            "podium-ledger",
            "podium-designer",
        ],
    ),
    (
        "podium-server",
        &[
            "podium-core",
            "podium-store",
            "podium-runtime",
            "podium-kafka",
            "podium-objects",
            "podium-ledger",
            "podium-designer",
            "podium-events",
            "podium-api",
            "podium-workers",
        ],
    ),
    // black boxes: they know the product by its ports, and use its S3 client to put objects there
    ("podium-tests", &["podium-objects", "podium-ledger"]),
    ("podium-bench", &["podium-tests", "podium-objects"]),
];

/// Outside crate, the packages that may use it.
const ONLY_IN: [(&str, &[&str]); 7] = [
    ("sqlx", &["podium-store", "podium-ledger", "podium-server", "podium-tests", "podium-bench"]),
    ("rdkafka", &["podium-kafka", "podium-tests", "podium-bench"]),
    ("aws-sdk-s3", &["podium-objects"]),
    ("axum", &["podium-api", "podium-workers", "podium-server"]),
    ("noida-db", &["podium-server", "podium-kafka"]),
    ("petgraph", &["podium-core"]),
    ("rust-embed", &["podium-server"]),
];

/// What the core is built on; anything else would make it impure or heavy.
const CORE_IS_BUILT_ON: [&str; 11] = [
    "chrono",
    "chrono-tz",
    "indexmap",
    "jsonschema",
    "petgraph",
    "regex",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "uuid",
];

/// (package, what it depends on outside its own tests).
fn dependencies() -> Vec<(String, BTreeSet<String>)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repository())
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|package| {
            let all = package["dependencies"].as_array().into_iter().flatten();
            let normal = all.filter(|d| d["kind"] != "dev");
            let names = normal.filter_map(|d| d["name"].as_str()).map(str::to_owned).collect();
            (package["name"].as_str().unwrap_or_default().to_owned(), names)
        })
        .collect()
}

#[test]
fn rooms_import_only_what_the_table_allows() {
    let mut faults = Vec::new();
    for (package, uses) in dependencies() {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == package) else {
            faults.push(format!("{package} is not in the table"));
            continue;
        };
        let rooms = uses.iter().filter(|u| u.starts_with("podium-"));
        faults.extend(
            rooms.filter(|u| !allowed.contains(&u.as_str())).map(|u| format!("{package} imports {u}")),
        );
        for (outside, users) in ONLY_IN {
            if uses.contains(outside) && !users.contains(&package.as_str()) {
                faults.push(format!("{package} uses {outside}"));
            }
        }
        if package == "podium-core" {
            let foreign = uses.iter().filter(|u| !CORE_IS_BUILT_ON.contains(&u.as_str()));
            faults.extend(foreign.map(|u| format!("the core is built on {u}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// All Rust files under a folder of the repository.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, files);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(path);
            }
        }
    }
    let mut files = Vec::new();
    walk(&repository().join(folder), &mut files);
    files
}

const ROOMS: [&str; 7] = ["engine", "designer", "api", "workers", "server", "tests", "bench"];

#[test]
fn sql_lies_in_the_store_and_the_ledger_only() {
    let mut faults = Vec::new();
    for room in ["engine", "designer", "api", "workers", "server"] {
        for file in rust_files(room) {
            let text = std::fs::read_to_string(&file).expect("a readable file");
            let shown = file.to_string_lossy();
            if text.contains("sqlx::query")
                && !["/engine/store/", "/workers/ledger/"].iter().any(|room| shown.contains(room))
            {
                faults.push(shown.into_owned());
            }
        }
    }
    assert!(faults.is_empty(), "SQL outside engine/store and workers/ledger: {faults:#?}");
}

#[test]
fn no_file_grows_past_800_lines() {
    let mut faults = Vec::new();
    for file in ROOMS.iter().flat_map(|room| rust_files(room)) {
        let lines = std::fs::read_to_string(&file).expect("a readable file").lines().count();
        if lines > 800 {
            faults.push(format!("{} has {lines} lines", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_core_names_no_clock_no_socket_and_no_log() {
    let forbidden = [
        "tokio",
        "sqlx",
        "rdkafka",
        "reqwest",
        "axum",
        "tracing::",
        "log::",
        "rand::",
        "SystemTime::now",
        "Instant::now",
        "Utc::now",
        "now_v7",
        "std::env",
        "std::fs",
        "std::net",
        "std::thread",
        "std::process",
        "println!",
        "eprintln!",
    ];
    let mut faults = Vec::new();
    for file in rust_files("engine/core/src") {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            if forbidden.iter().any(|name| names(code, name)) {
                faults.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Whether the code contains the name as a whole word, so that `operand::` is not `rand::`.
fn names(code: &str, name: &str) -> bool {
    code.match_indices(name).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}
