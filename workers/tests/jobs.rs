//! The jobs from file to file: lengths, reports, what is visible when, and that a second run writes the same.

use std::path::Path;

use podium_designer::layout::{EMAIL_HYGIENE, NAME_PARSE, Overflow, Record};
use podium_workers::jobs::{Job, JobReport, JobSpec, Place, run};

/// A line of a record with these fields; the others are blank.
fn line(record: &Record, fields: &[(&str, &str)]) -> Vec<u8> {
    let value = |name: &str| fields.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| *v);
    let values: Vec<&str> = record.fields().iter().map(|f| value(f.name)).collect();
    let mut out = Vec::new();
    record.write(&values, Overflow::Refuse, &mut out).expect("it fits");
    out
}

fn put(dir: &Path, name: &str, lines: &[Vec<u8>]) -> Place {
    std::fs::write(dir.join(name), lines.concat()).expect("written");
    place(dir, name)
}

fn place(dir: &Path, name: &str) -> Place {
    Place::File(dir.join(name))
}

async fn job(job: Job, spec: &JobSpec) -> JobReport {
    run(job, None, spec, None).await.expect("the job runs")
}

/// A field of each line of a file.
fn column(dir: &Path, name: &str, record: &Record, field: &str) -> Vec<String> {
    let bytes = std::fs::read(dir.join(name)).expect("written");
    let lines = bytes.split_inclusive(|b| *b == b'\n');
    let rows = lines.map(|line| record.read(line).expect("a record").get(field).expect("a field").to_vec());
    rows.map(|value| String::from_utf8(value).expect("text")).collect()
}

#[tokio::test]
async fn name_parse_adds_the_names() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path();
    let names = ["John and Mary Smith", "Acme Inc", "", "The Smith Family", "SMITH, ANN (Annie)"];
    let lines: Vec<_> =
        names.iter().map(|name| line(&NAME_PARSE.input, &[("name", name), ("zipfull", "02134")])).collect();
    let mut spec = JobSpec::new(put(dir, "a.in", &lines), place(dir, "a.out"));
    spec.report = Some(place(dir, "a.txt"));
    let report = job(Job::NameParse, &spec).await;
    let of = |field| column(dir, "a.out", &NAME_PARSE.output, field);
    assert_eq!(std::fs::metadata(dir.join("a.out")).expect("a file").len(), 855 + 4 * 855);
    assert_eq!(of("zipfull"), ["02134"; 5]);
    assert_eq!(of("NP_Person1_First_Name"), ["JOHN", "", "", "", "ANN"]);
    assert_eq!(of("NP_Person2_Edited_Name"), ["MARY SMITH", "", "", "", ""]);
    assert_eq!(of("NP_Person1_Nick_Name")[4], "ANNIE");
    assert_eq!(of("NP_Person1_Score"), ["100", "000", "000", "000", "100"]);
    assert_eq!(of("NP_Business_Name")[1], "ACME INC");
    assert_eq!(of("NP_Family_Name")[3], "SMITH");
    let counts = std::fs::read_to_string(dir.join("a.txt")).expect("written");
    assert_eq!(counts, report.counts);
    assert!(
        counts.contains("NP_Kind\tALL|COUPLE\t1\n") && counts.contains("NP_Person1_Gender\tALL|F\t1\n"),
        "{counts}"
    );
    assert!(
        report.stats.starts_with("{\"job\":\"name-parse\",\"rules\":\"podium-1\",\"records\":5}\n"),
        "{}",
        report.stats
    );
    let first = std::fs::read(dir.join("a.out")).expect("written");
    job(Job::NameParse, &spec).await;
    assert_eq!(std::fs::read(dir.join("a.out")).expect("written"), first, "a second run writes the same");
}

#[tokio::test]
async fn hygiene_adds_the_verdict_and_keeps_the_rest_byte_for_byte() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path();
    let mails = ["ann@gmail.com", "ANN@GMIAL.COM", "nobody", ""];
    let mut lines: Vec<_> =
        mails.iter().map(|mail| line(&EMAIL_HYGIENE.input, &[("EE_Email_Addr80", mail)])).collect();
    // a byte that is no text passes through, and the last line feed may be missing
    lines[0][3] = 0xE9;
    lines[3].pop();
    let spec = JobSpec::new(put(dir, "a.in", &lines), place(dir, "a.out"));
    let report = job(Job::EmailHygiene, &spec).await;
    assert_eq!(report.records, 4);
    let out = std::fs::read(dir.join("a.out")).expect("written");
    assert_eq!((out.len(), out[3]), (4 * 489, 0xE9));
    let of = |field| column(dir, "a.out", &EMAIL_HYGIENE.output, field);
    assert_eq!(of("EH_EMAIL"), ["ann@gmail.com", "ann@gmail.com", "", ""]);
    assert_eq!(of("EH_ACTION"), ["OK", "CH", "RJ", "NO"]);
    assert_eq!(of("EH_Code"), ["0", "D", "F", "E"]);
}

#[tokio::test]
async fn match_and_append_bring_addresses() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path();
    let person =
        |name, addr1, zip, phone| [("name", name), ("addr1", addr1), ("zipfull", zip), ("phone", phone)];
    let input = NAME_PARSE.input.clone();
    let lines = [
        line(&input, &person("John Smith", "12 North Main Street", "02134-1000", "")),
        line(&input, &person("Mr John Smith", "1 Elm St", "99999", "(617) 555-0100")),
        line(&input, &person("Mary Smith", "12 N Main St", "02134", "")),
        line(&input, &person("Ann Lee", "1 Elm St", "02134", "")),
    ];
    let known = |id, name, addr1, zip, phone, mail| {
        let fields = [("id", id), ("EE_Email_Addr80", mail)];
        line(&EMAIL_HYGIENE.input, &[&fields[..], &person(name, addr1, zip, phone)].concat())
    };
    let reference = [
        known("7", "SMITH, JOHN", "12 N. MAIN ST", "02134", "", "john@gmial.com"),
        known("8", "John Smith", "elsewhere", "11111", "+1 617 555 0100", "js@firma.com"),
        known("9", "Ann Lee", "1 Elm St", "02134", "", ""),
    ];
    let mut spec = JobSpec::new(put(dir, "a.in", &lines), place(dir, "m.out"));
    spec.reference = Some(put(dir, "ref.in", &reference));
    let report = job(Job::Match, &spec).await;
    for counted in [
        "RE_Match_Level\tALL|1\t1\n",
        "RE_Match_Level\tALL|2\t1\n",
        "RE_Match_Level\tALL|4\t1\n",
        "RE_Match_Level\tALL|NONE\t1\n",
    ] {
        assert!(report.counts.contains(counted), "{counted}: {}", report.counts);
    }
    let found = std::fs::read(dir.join("m.out")).expect("written");
    assert_eq!(found.len(), 4 * 380);
    spec = JobSpec { input: place(dir, "m.out"), output: place(dir, "x.out"), ..spec };
    job(Job::Append, &spec).await;
    let text = std::fs::read_to_string(dir.join("x.out")).expect("text");
    let added: Vec<String> =
        text.lines().map(|l| l[379..].split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(added, ["john@gmail.com CHD", "js@firma.com OK0", "john@gmail.com CHD", "NOE"]);
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_left_behind() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path();
    let good = line(&NAME_PARSE.input, &[("name", "A B")]);
    std::fs::write(dir.join("a.out"), "what was there").expect("written");
    let short = [good.clone(), b"short\n".to_vec()];
    let spec = JobSpec::new(put(dir, "short.in", &short), place(dir, "a.out"));
    let error = run(Job::NameParse, None, &spec, None).await.expect_err("a short line").to_string();
    assert!(
        error.contains("short.in, row 2: the line has 5 bytes") && error.contains("1001302146"),
        "{error}"
    );
    // no line feed for ever: given up at once, not when the memory is full
    let endless = put(dir, "endless.in", &[vec![b'x'; 3_000_000]]);
    let spec = JobSpec { input: endless, ..spec };
    let error = run(Job::NameParse, None, &spec, None).await.expect_err("one line").to_string();
    assert!(error.contains("row 1") && error.contains("too many"), "{error}");
    let spec = JobSpec { input: place(dir, "nowhere"), ..spec };
    assert!(
        run(Job::NameParse, None, &spec, None).await.expect_err("no file").to_string().contains("nowhere")
    );
    let spec = JobSpec { input: Place::parse("s3://b/k").expect("a place"), ..spec };
    assert!(
        run(Job::NameParse, None, &spec, None)
            .await
            .expect_err("no store")
            .to_string()
            .contains("S3_ENDPOINT")
    );
    let mut left: Vec<_> =
        std::fs::read_dir(dir).expect("a directory").flatten().map(|f| f.file_name()).collect();
    left.sort();
    assert_eq!(left, ["a.out", "endless.in", "short.in"]);
    assert_eq!(std::fs::read_to_string(dir.join("a.out")).expect("text"), "what was there");
    for work in [Job::NameParse, Job::EmailHygiene] {
        let spec = JobSpec { source_field: Some("nmae".to_owned()), ..spec.clone() };
        let error = run(work, None, &spec, None).await.expect_err("no such field").to_string();
        assert!(error.contains("the source field is \"nmae\"") && error.contains("zipfull"), "{error}");
    }
    let spec = JobSpec { input: put(dir, "none.in", &[]), ..spec };
    assert_eq!(job(Job::NameParse, &spec).await.records, 0);
}

#[tokio::test]
async fn one_job_reads_what_the_other_wrote() {
    let root = tempfile::tempdir().expect("a directory");
    let dir = root.path();
    let fields = [("name", "Ann Smith"), ("zipfull", "02134"), ("EE_Email_Addr80", "ann@example.com")];
    let lines = vec![line(&EMAIL_HYGIENE.input, &fields); 3];
    let first = JobSpec::new(put(dir, "a.in", &lines), place(dir, "a.out"));
    job(Job::EmailHygiene, &first).await;
    for (input, output) in [("a.in", "b.out"), ("a.out", "c.out")] {
        job(Job::NameParse, &JobSpec::new(place(dir, input), place(dir, output))).await;
        assert_eq!(column(dir, output, &NAME_PARSE.output, "NP_Person1_First_Name"), ["ANN"; 3], "{input}");
        assert_eq!(column(dir, output, &NAME_PARSE.output, "zipfull"), ["02134"; 3], "{input}");
    }
}
