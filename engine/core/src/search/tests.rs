use proptest::prelude::*;

use super::*;

fn runs(query: &str) -> Result<Expr, BadSearch> {
    parse(Scope::Runs, query)
}

fn text(s: &str) -> Value {
    Value::Text(s.to_owned())
}

fn is(field: Field, values: &[&str]) -> Expr {
    Expr::Clause(field, Test::In(values.iter().map(|v| text(v)).collect()))
}

#[test]
fn clauses_of_both_dialects_are_read() {
    let name = |v: &str| is(Field::RunName, &[v]);
    for (query, expected) in [
        ("workflowType='a'", name("a")),
        ("workflowType=\"a\"", name("a")),
        ("workflowType=a", name("a")),
        ("workflowType = a b ", name("a b")),
        ("workflowType  =  'a'", name("a")),
        ("workflowType=('a')", name("a")),
        ("(workflowType=a)", name("a")),
        ("workflowType IN a", name("a")),
        ("workflowType IN (a)", name("a")),
        ("workflowType IN (a, 'b c' ,\"d,e\")", is(Field::RunName, &["a", "b c", "d,e"])),
        ("workflowType=a and b", name("a and b")),
        ("workflowType='x AND y'", name("x AND y")),
        (r"workflowType='x\'y'", name("x'y")),
        ("workflowType=f(x)", name("f(x)")),
        ("status=", is(Field::RunStatus, &[""])),
        ("workflowType=a*_", Expr::Clause(Field::RunName, Test::Like("a%_".into()))),
        ("workflowType!=a*", Expr::Clause(Field::RunName, Test::NotLike("a%".into()))),
        ("workflowType STARTS_WITH 'a_'", Expr::Clause(Field::RunName, Test::Like(r"a\_%".into()))),
        ("status != X", Expr::Clause(Field::RunStatus, Test::NotIn(vec![text("X")]))),
        ("event IS NOT NULL", Expr::Clause(Field::Event, Test::NotNull)),
        ("event IS null", Expr::Clause(Field::Event, Test::Null)),
        ("priority=5", Expr::Clause(Field::Priority, Test::In(vec![Value::Int(5)]))),
        (
            "startTime>='5'",
            Expr::Clause(Field::RunStart, Test::Compare(Compare::GreaterOrEqual, Value::Time(5))),
        ),
        (
            "startTime BETWEEN 1 AND 5",
            Expr::Clause(Field::RunStart, Test::Between(Value::Time(1), Value::Time(5))),
        ),
    ] {
        assert_eq!(runs(query), Ok(expected), "{query}");
    }
    assert_eq!(runs(" "), Ok(Expr::everything()));
}

#[test]
fn joints_group_to_the_right() {
    let (a, b, c) = (is(Field::RunName, &["a"]), is(Field::RunName, &["b"]), is(Field::RunName, &["c"]));
    let any = |list: &[&Expr]| Expr::Any(list.iter().map(|e| (*e).clone()).collect());
    let all = |list: &[&Expr]| Expr::All(list.iter().map(|e| (*e).clone()).collect());
    let read = |q: &str| runs(&q.replace('@', "workflowType=")).expect(q);
    assert_eq!(read("@a AND @b AND @c"), all(&[&a, &b, &c]));
    assert_eq!(read("@a OR @b OR @c"), any(&[&a, &b, &c]));
    assert_eq!(read("@a AND @b OR @c"), all(&[&a, &any(&[&b, &c])]));
    assert_eq!(read("@a OR @b AND @c"), any(&[&a, &all(&[&b, &c])]));
    assert_eq!(read("(@a OR @b) AND @c"), all(&[&any(&[&a, &b]), &c]));
    assert_eq!(read("( @a AND (@b OR @c) )"), all(&[&a, &any(&[&b, &c])]));
}

#[test]
fn what_is_no_query_is_named() {
    for query in ["status", "a b c", "=", "status IS", "status IS maybe"] {
        assert_eq!(runs(query), Err(BadSearch::Clause(query.to_owned())), "{query}");
    }
    for query in [
        "status=A AND a b c",
        "taskId=x",
        "startTime>now",
        "startTime>1.5",
        "startTime=",
        "status=RUNNING,FAILED",
        "status='x",
        "(status=x",
        "workflowType='it''s'",
        "input>3",
        "startTime STARTS_WITH '1'",
    ] {
        let got = runs(query);
        assert!(got.is_err(), "{query}: {got:?}");
    }
    assert_eq!(runs("status=A AND a b c"), Err(BadSearch::Clause("a b c".into())));
    let deep = format!("{}status=A{}", "(".repeat(DEPTH_AT_MOST + 1), ")".repeat(DEPTH_AT_MOST + 1));
    assert!(runs(&deep).is_err());
    let wide = vec!["status=A"; NODES_AT_MOST + 1].join(" OR ");
    assert!(runs(&wide).is_err());
    let list = format!("status IN ({})", vec!["A"; VALUES_AT_MOST + 1].join(","));
    assert!(runs(&list).is_err());
}

#[test]
fn free_text_is_words_and_signs() {
    let word = |s: &str| Words::Word { text: s.to_owned(), prefix: false };
    let read = |s: &str| parse_words(s).expect(s).expect(s);
    assert_eq!(parse_words("*"), Ok(None));
    assert_eq!(parse_words(" "), Ok(None));
    assert_eq!(read("lion"), word("lion"));
    assert_eq!(read("lion & !kaputt"), Words::All(vec![word("lion"), Words::Not(Box::new(word("kaputt")))]));
    assert_eq!(read("two words"), Words::All(vec![word("two"), word("words")]));
    assert_eq!(read("a|(b & c)"), Words::Any(vec![word("a"), Words::All(vec![word("b"), word("c")])]));
    assert_eq!(read("'a b'|c"), Words::Any(vec![word("a b"), word("c")]));
    assert_eq!(read("zebr:*"), Words::Word { text: "zebr".into(), prefix: true });
    assert_eq!(read("zeb*"), word("zeb%"));
    for bad in ["a &", "& a", "(a", "a)", "'a", "!", "()", "''"] {
        assert!(parse_words(bad).is_err(), "{bad}");
    }
}

#[test]
fn json_is_compared_member_by_member() {
    let read = |s: &str| parse_json_words(Scope::Runs, s);
    assert_eq!(read(r#"{"status":"FAILED"}"#), Ok(Expr::All(vec![is(Field::RunStatus, &["FAILED"])])));
    let five = Expr::Clause(Field::Priority, Test::In(vec![Value::Int(5)]));
    assert_eq!(read(r#"{"priority":5}"#), Ok(Expr::All(vec![five])));
    assert_eq!(
        read(r#"{"priority":"5"}"#),
        Ok(Expr::All(vec![Expr::Clause(Field::Priority, Test::In(vec![]))]))
    );
    assert!(read("{nope}").is_err());
    let inside = Expr::Clause(Field::RunInput, Test::Contains(r#"{"a":1}"#.into()));
    assert_eq!(read(r#"{"input":{"a":1}}"#), Ok(Expr::All(vec![inside])));
}

#[test]
fn sort_keys_without_sense_are_left_out() {
    let key = |field, descending| SortKey { field, descending };
    let read = |s: &str| parse_sort(Scope::Runs, s);
    assert_eq!(read("startTime:desc|status:ASC"), [key(Field::RunStart, true), key(Field::RunStatus, false)]);
    assert_eq!(read("nope:ASC|startTime:UP|startTime|version:ASC"), [key(Field::RunVersion, false)]);
    assert_eq!(read("status:ASC,startTime:DESC"), []);
}

proptest! {
    #[test]
    fn no_text_breaks_the_parsers(s in "[ a-zA-Z=!<>()'\",*&|\\\\%é0-9]{0,60}") {
        let _ = parse(Scope::Runs, &s);
        let _ = parse(Scope::Tasks, &s);
        let _ = parse_words(&s);
        let _ = parse_json_words(Scope::Runs, &s);
        let _ = parse_sort(Scope::Tasks, &s);
    }

    #[test]
    fn texts_made_of_words_of_the_language_do_not_break_it(
        parts in prop::collection::vec(prop::sample::select(vec![
            "status", "startTime", "input", "=", "!=", ">", " AND ", " OR ", "(", ")", "IN", " IN (", ",", "'x'", "5",
            " BETWEEN ", " IS ", "null", "not null", " STARTS_WITH ", "*", "\"", " ",
        ]), 0..25)
    ) {
        let _ = parse(Scope::Runs, &parts.concat());
        let _ = parse_words(&parts.concat());
    }

    #[test]
    fn quoted_values_come_back(value in "[^\0]{0,40}") {
        let quoted = value.replace('\\', "\\\\").replace('\'', "\\'");
        let read = parse(Scope::Runs, &format!("event IN ('{quoted}','second')"));
        prop_assert_eq!(read, Ok(is(Field::Event, &[&value, "second"])));
    }
}
