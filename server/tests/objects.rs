//! The S3 client against the embedded S3 store: what one writes the other must give back, whole or not at all.

use std::collections::HashMap;
use std::time::Duration;

use podium_objects::{ObjectError, ObjectStore, PART_BYTES, PutOptions, S3Settings};
use podium_server::embedded::s3::{EmbeddedS3, S3Options};

struct Setup {
    server: EmbeddedS3,
    client: ObjectStore,
    root: tempfile::TempDir,
}

async fn setup() -> Setup {
    let root = tempfile::tempdir().expect("a temporary directory");
    let server = EmbeddedS3::start(S3Options::local(root.path())).await.expect("the store starts");
    let client = ObjectStore::new(server.settings()).expect("settings are right");
    client.ensure_bucket("data").await.expect("a bucket");
    client.ensure_bucket("data").await.expect("the same bucket again");
    Setup { server, client, root }
}

fn bytes(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i.wrapping_mul(31) >> 3) as u8).collect()
}

async fn read(client: &ObjectStore, key: &str) -> Result<Vec<u8>, ObjectError> {
    Ok(client.get_bytes("data", key, u64::MAX).await?.to_vec())
}

#[tokio::test]
async fn gives_back_what_was_put_at_every_size() {
    let s = setup().await;
    for n in [0, 1, 1000, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 2 * PART_BYTES + 12_345] {
        let data = bytes(n);
        let key = format!("sizes/{n}");
        let mut writer = s.client.put("data", &key, PutOptions::of_type("text/csv"));
        for chunk in data.chunks(777_777) {
            writer.write(chunk).await.expect("written");
            assert!(s.client.head("data", &key).await.expect("answered").is_none(), "visible before the end");
        }
        let written = writer.finish().await.expect("finished");
        assert_eq!(written.size, n as u64);
        let info = s.client.head("data", &key).await.expect("answered").expect("there");
        assert_eq!((info.size, info.content_type.as_deref()), (n as u64, Some("text/csv")));
        assert!(read(&s.client, &key).await.expect("read") == data, "{n} bytes differ");
    }
    assert_eq!(s.client.list("data", "sizes/", 100).await.expect("listed").len(), 7);
}

#[tokio::test]
async fn an_unfinished_write_leaves_the_old_object() {
    let s = setup().await;
    s.client.put_bytes("data", "k", b"old", PutOptions::default()).await.expect("written");
    let mut writer = s.client.put("data", "k", PutOptions::default());
    writer.write(&bytes(PART_BYTES + 1)).await.expect("a part goes up");
    assert_eq!(std::fs::read_dir(s.root.path().join("uploads")).expect("a directory").count(), 1);
    writer.abort().await;
    assert_eq!(read(&s.client, "k").await.expect("read"), b"old");
    assert_eq!(std::fs::read_dir(s.root.path().join("uploads")).expect("a directory").count(), 0);
}

#[tokio::test]
async fn objects_outlive_the_store() {
    let s = setup().await;
    let big = bytes(PART_BYTES * 2);
    let options = PutOptions {
        content_type: Some("text/plain".into()),
        metadata: HashMap::from([("who".to_owned(), "me".to_owned())]),
    };
    s.client.put_bytes("data", "a/b", b"small", options).await.expect("written");
    s.client.put_bytes("data", "a", &big, PutOptions::default()).await.expect("written");
    s.client.put_bytes("data", "../../evil", b"x", PutOptions::default()).await.expect("written");
    s.server.stop().await;
    // what a kill -9 in the middle of a write leaves behind
    std::fs::write(s.root.path().join("tmp/1-1"), b"half").expect("written");
    let server = EmbeddedS3::start(S3Options::local(s.root.path())).await.expect("starts again");
    let client = ObjectStore::new(server.settings()).expect("settings");
    assert_eq!(read(&client, "a/b").await.expect("read"), b"small");
    assert!(read(&client, "a").await.expect("read") == big);
    assert_eq!(read(&client, "../../evil").await.expect("read"), b"x");
    let info = client.head("data", "a/b").await.expect("answered").expect("there");
    assert_eq!(info.metadata.get("who").map(String::as_str), Some("me"));
    assert_eq!(client.buckets().await.expect("listed"), ["data"]);
    assert_eq!(std::fs::read_dir(s.root.path().join("tmp")).expect("a directory").count(), 0);
    assert!(!s.root.path().parent().expect("a parent").join("evil").exists());
}

#[tokio::test]
async fn a_damaged_object_is_noticed() {
    let s = setup().await;
    s.client.put_bytes("data", "k", &bytes(1000), PutOptions::default()).await.expect("written");
    let mut files = Vec::new();
    for shard in std::fs::read_dir(s.root.path().join("buckets/data")).expect("a directory") {
        files.extend(std::fs::read_dir(shard.expect("an entry").path()).expect("a directory"));
    }
    let path = files.pop().expect("one object").expect("an entry").path();
    let mut content = std::fs::read(&path).expect("read");
    content[500] ^= 1;
    std::fs::write(&path, content).expect("written");
    let error = read(&s.client, "k").await.expect_err("one bit is wrong");
    assert!(matches!(error, ObjectError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn errors_name_what_is_missing() {
    let s = setup().await;
    let error = read(&s.client, "nope").await.expect_err("there is none");
    assert_eq!(error.to_string(), "object s3://data/nope does not exist");
    let error = s.client.put_bytes("none", "k", b"", PutOptions::default()).await.expect_err("no bucket");
    assert_eq!(error.to_string(), "bucket \"none\" does not exist");
    let error = s.client.get("none", "k").await.map(drop).expect_err("no bucket");
    assert!(error.is_missing(), "{error}");
    assert!(s.client.head("data", "nope").await.expect("answered").is_none());
    s.client.delete("data", "nope").await.expect("gone already");
    let wrong = S3Settings { secret_key: "wrong".into(), ..s.server.settings() };
    let error =
        ObjectStore::new(wrong).expect("settings").get("data", "k").await.map(drop).expect_err("denied");
    assert!(matches!(error, ObjectError::Denied { .. }), "{error}");
}

#[tokio::test]
async fn an_absent_store_is_said_to_be_away() {
    let settings = S3Settings {
        endpoint: "http://127.0.0.1:9".into(),
        region: "us-east-1".into(),
        access_key: "a".into(),
        secret_key: "b".into(),
        session_token: None,
    };
    let error =
        ObjectStore::new(settings).expect("settings").head("data", "k").await.expect_err("nobody there");
    assert!(error.is_transient(), "{error}");
    assert!(error.to_string().starts_with("could not look at s3://data/k: "), "{error}");
}

#[tokio::test]
async fn lists_page_by_page_and_deletes_in_bulk() {
    let s = setup().await;
    for i in 0..25 {
        let key = format!("p/{i:02}");
        s.client.put_bytes("data", &key, b"x", PutOptions::default()).await.expect("written");
    }
    let keys: Vec<String> =
        s.client.list("data", "p/", 10).await.expect("listed").into_iter().map(|o| o.key).collect();
    assert_eq!(keys, (0..10).map(|i| format!("p/{i:02}")).collect::<Vec<_>>());
    s.client.delete_many("data", &keys).await.expect("deleted");
    assert_eq!(s.client.list("data", "", 100).await.expect("listed").len(), 15);
}

#[tokio::test]
async fn presigned_links_and_raw_requests_work() {
    drop(rustls::crypto::ring::default_provider().install_default());
    let s = setup().await;
    s.client.put_bytes("data", "dir/a b+ü.txt", b"0123456789", PutOptions::default()).await.expect("written");
    let link = s.client.presign_get("data", "dir/a b+ü.txt", Duration::from_secs(60)).await.expect("signed");
    let http = reqwest::Client::new();
    let whole = http.get(&link).send().await.expect("answered");
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.bytes().await.expect("a body"), "0123456789");
    let part = http.get(&link).header("range", "bytes=2-4").send().await.expect("answered");
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 2-4/10");
    assert_eq!(part.bytes().await.expect("a body"), "234");
    let beyond = http.get(&link).header("range", "bytes=10-").send().await.expect("answered");
    assert_eq!(beyond.status(), 416);
    let forged: String = match link.split_once("X-Amz-Signature=") {
        Some((before, sum)) => format!("{before}X-Amz-Signature={}", sum.replace(['a', '1', '2'], "3")),
        None => panic!("{link} is not signed"),
    };
    assert_eq!(http.get(&forged).send().await.expect("answered").status(), 403);
    let anonymous = format!("{}/data/x", s.server.settings().endpoint);
    assert_eq!(http.get(&anonymous).send().await.expect("answered").status(), 403);
}
