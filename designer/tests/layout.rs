//! Fixed-width records: their lengths, and what comes back from what was written.

use podium_designer::layout::{
    ALL, EMAIL_HYGIENE, LineError, NAME_PARSE, Overflow, WriteError, by_id, by_length, head, longest,
};

#[test]
fn lengths_are_the_documented_ones_or_the_sum_of_the_fields() {
    assert_eq!((EMAIL_HYGIENE.input.length(), EMAIL_HYGIENE.output.length()), (406, 489));
    assert_eq!((NAME_PARSE.input.length(), NAME_PARSE.output.length()), (326, 855));
    let added = NAME_PARSE.output.fields().len() - NAME_PARSE.input.fields().len();
    assert_eq!(added, 27, "name parse assigns 27 fields");
}

#[test]
fn each_layout_is_found_by_its_id_and_names_each_field_once() {
    for layout in ALL {
        assert_eq!(by_id(layout.id).map(|l| l.title), Some(layout.title));
        for record in [&layout.input, &layout.output] {
            for field in record.fields() {
                assert_eq!(
                    record.fields().iter().filter(|f| f.name == field.name).count(),
                    1,
                    "{}",
                    field.name
                );
            }
        }
        let (input, output) = (layout.input.fields(), layout.output.fields());
        assert_eq!(output[..input.len()], *input, "an output begins with the input's fields");
    }
    assert!(by_id("1").is_none());
}

#[test]
fn each_length_is_of_one_record() {
    for record in ALL.iter().flat_map(|layout| [&layout.input, &layout.output]) {
        assert_eq!(by_length(record.length()), Some(record));
        assert_eq!(record.fields()[..8], NAME_PARSE.input.fields()[..8]);
    }
    assert_eq!(by_length(852), None);
    assert_eq!(longest(), 855);
}

#[test]
fn a_record_reads_the_beginning_of_longer_ones_that_begin_alike() {
    let line = |length: usize| [vec![b'x'; length - 1], b"\n".to_vec()].concat();
    for (length, seen) in [(326, 326), (406, 325), (489, 325), (855, 325), (327, 327), (10, 10)] {
        assert_eq!(head(&NAME_PARSE.input, &line(length)).len(), seen, "{length}");
    }
    // hygiene's source field is in no record of name parse
    for (length, seen) in [(326, 326), (406, 406), (489, 405), (855, 855)] {
        assert_eq!(head(&EMAIL_HYGIENE.input, &line(length)).len(), seen, "{length}");
    }
    assert_eq!(head(&NAME_PARSE.input, &line(406)[..405]).len(), 325, "without the line feed");
}

#[test]
fn what_was_written_is_read() {
    let record = &EMAIL_HYGIENE.input;
    let values =
        ["7", "Ada Example", "1 Main St", "", "Springfield", "IL", "62701", "2175550100", "ada@example.com"];
    let mut line = Vec::new();
    record.write(&values, Overflow::Refuse, &mut line).expect("values that fit");
    assert_eq!(line.len(), record.length());
    let row = record.read(&line).expect("a whole line");
    assert_eq!(row.get("EE_Email_Addr80"), Some(&b"ada@example.com"[..]));
    assert_eq!(row.get("addr2"), Some(&b""[..]));
    assert_eq!(row.get("nothing"), None);
    let read: Vec<_> = row.fields().map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect();
    assert_eq!(read, values);
    assert_eq!(row.bytes().len() + 1, line.len());
}

#[test]
fn decimals_are_filled_with_zeros_and_stay_blank_when_empty() {
    let fields = NAME_PARSE.output.fields();
    let mut values = vec![""; fields.len()];
    let score = fields.iter().position(|f| f.name == "NP_Person1_Score").expect("the field");
    values[score] = "7";
    let mut line = Vec::new();
    NAME_PARSE.output.write(&values, Overflow::Refuse, &mut line).expect("values that fit");
    let row = NAME_PARSE.output.read(&line).expect("a whole line");
    assert_eq!(row.get("NP_Person1_Score"), Some(&b"007"[..]));
    assert_eq!(row.get("NP_Person2_Score"), Some(&b""[..]));
    values[score] = "1x";
    assert_eq!(
        NAME_PARSE.output.write(&values, Overflow::Cut, &mut Vec::new()),
        Err(WriteError::NoNumber { field: "NP_Person1_Score" })
    );
}

#[test]
fn lines_of_another_length_are_reported_with_both_lengths() {
    let record = &NAME_PARSE.input;
    let (found, expected) = (324, 325);
    assert_eq!(record.read(&[b' '; 324]).unwrap_err(), LineError::TooShort { found, expected });
    assert_eq!(record.read(b"\n").unwrap_err(), LineError::TooShort { found: 0, expected });
    assert_eq!(record.read(&[b'x'; 1000]).unwrap_err(), LineError::TooLong { found: 1000, expected });
    let mut with_return = vec![b' '; 325];
    with_return.extend_from_slice(b"\r\n");
    assert_eq!(record.read(&with_return).unwrap_err(), LineError::TooLong { found: 326, expected });
    let mut torn = vec![b' '; 325];
    torn[10] = b'\n';
    assert_eq!(record.read(&torn).unwrap_err(), LineError::Control { at: 10, byte: b'\n' });
}

#[test]
fn values_that_are_too_wide_are_refused_or_cut_at_a_whole_character() {
    let record = &EMAIL_HYGIENE.output;
    let mut values = vec![""; record.fields().len()];
    let wide = format!("{}é and more", "x".repeat(49));
    values[1] = &wide;
    let mut out = b"before".to_vec();
    let error = record.write(&values, Overflow::Refuse, &mut out).expect_err("a wide name");
    assert_eq!(error, WriteError::TooWide { field: "name", found: wide.len(), width: 50 });
    assert_eq!(out, b"before", "nothing half-written");
    record.write(&values, Overflow::Cut, &mut out).expect("the end is cut off");
    let row = record.read(&out[6..]).expect("a whole line");
    assert_eq!(row.get("name"), Some("x".repeat(49).as_bytes()), "half of an é is none");
    values[1] = "two\nlines";
    assert_eq!(record.write(&values, Overflow::Cut, &mut out), Err(WriteError::Control { field: "name" }));
    assert_eq!(
        record.write(&["", ""], Overflow::Cut, &mut out),
        Err(WriteError::Count { found: 2, expected: record.fields().len() })
    );
}
