//! Expressions against recorded answers of a Conductor server, and against hostile texts.

use std::borrow::Cow;

use proptest::prelude::{Just, Strategy, any, prop_assert, prop_oneof, proptest};
use serde_json::{Map, Value, json};

use super::{Member, Path, Scope, Template, java, mentions_template, resolve_map, resolve_value};

struct Roots {
    roots: Map<String, Value>,
    task_id: Option<String>,
}

impl Scope for Roots {
    fn root(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.roots.get(name).map(Cow::Borrowed)
    }
    fn task_id(&self) -> Option<String> {
        self.task_id.clone()
    }
    fn names(&self) -> Vec<String> {
        self.roots.keys().cloned().collect()
    }
}

fn object(v: Value) -> Map<String, Value> {
    match v {
        Value::Object(map) => map,
        other => panic!("an object was expected, not {other}"),
    }
}

fn roots(v: Value) -> Roots {
    Roots { roots: object(v), task_id: None }
}

fn resolve(text: &str, v: &Value) -> Value {
    resolve_value(&json!(text), &roots(v.clone()))
}

/// The parameters of one task, the roots that it saw, and the input that a server of release 3.32.1 made of them.
#[test]
fn parameters_resolve_as_recorded() {
    let recorded: Vec<Value> = serde_json::from_str(include_str!("../../tests/golden/expressions.json"))
        .expect("the recording is JSON");
    assert!(recorded.len() > 20);
    let mut wrong = Vec::new();
    for case in recorded {
        let scope = Roots {
            roots: object(case["roots"].clone()),
            task_id: case["taskId"].as_str().map(str::to_owned),
        };
        let resolved = resolve_map(&object(case["parameters"].clone()), &scope);
        for (key, wanted) in object(case["resolved"].clone()) {
            let got = resolved.get(&key);
            if got.map(java::normalise) != Some(java::normalise(&wanted)) {
                wrong.push(format!("{} {key}: {wanted} was recorded, not {got:?}", case["id"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn escapes_and_mixtures() {
    let v = json!({"someString": "conductor", "someNumber": 2});
    assert_eq!(
        resolve("${$.someString} $${$.someNumber}${$.someNumber} ${$.someNumber}$${$.someString}", &v),
        "conductor ${$.someNumber}2 2${$.someString}"
    );
    assert_eq!(resolve("$${$.someString}afterText", &v), "${$.someString}afterText");
    assert_eq!(resolve("$${someString} ${someNumber}", &v), "${someString} 2");
    let structure =
        json!({"map": {"n": "${someNumber}"}, "list": ["${someNumber}", {"s": "${someString}!"}]});
    let resolved = resolve_value(&structure, &roots(v));
    assert_eq!(resolved, json!({"map": {"n": 2}, "list": [2, {"s": "conductor!"}]}));
}

#[test]
fn inner_expressions_come_first() {
    let v = json!({"index": 1, "mapValue": "a", "recordIds": [1, 2, 3],
        "map": {"a": [1, 2, 3], "b": [2, 4, 5], "c": [3, 7, 8]}});
    assert_eq!(resolve("${recordIds[${index}]}", &v), 2);
    assert_eq!(resolve("${map.${mapValue}[${index}]}", &v), 2);
    assert_eq!(resolve("${map.b[${map.${mapValue}[${index}]}]}", &v), 5);
    // an unclosed outer expression leaves the inner one alive
    assert_eq!(resolve("${map ${index}", &v), "${map 1");
}

#[test]
fn missing_things() {
    let v = json!({"task2": {"output": {}}});
    assert_eq!(resolve("${task2.output.locationBad}", &v), Value::Null);
    assert_eq!(resolve("${task3.output.location}", &v), Value::Null);
    assert_eq!(resolve("v=${x.y.z}", &v), "v=null");
    assert_eq!(resolve("${}", &v), "");
    assert_eq!(resolve("${task3..x}", &v), json!([]));
    assert_eq!(resolve("${task3.output.l.length()}", &v), Value::Null);
}

#[test]
fn the_surroundings_of_the_process_are_not_read() {
    let v = json!({});
    assert_eq!(resolve("${PATH}", &v), Value::Null);
    assert_eq!(resolve("${NETFLIX_ENV} ${NETFLIX_STACK}", &v), "${NETFLIX_ENV} ${NETFLIX_STACK}");
    assert_eq!(resolve("${workflow.secrets.KEY}", &v), "${workflow.secrets.KEY}");
    assert_eq!(resolve("x${workflow.env.KEY}y", &v), "xnully");
    assert_eq!(resolve("<${CPEWF_TASK_ID}>", &v), "<${CPEWF_TASK_ID}>");
    let scope = Roots { roots: Map::new(), task_id: Some("t-1".to_owned()) };
    assert_eq!(resolve_value(&json!("<${CPEWF_TASK_ID}>"), &scope), "<t-1>");
}

#[test]
fn filters() {
    let v = json!({"r": {"n": 2, "w": "b", "l": [
        {"n": 1, "t": ["a"], "s": "alpha", "k": true},
        {"n": 2, "t": ["a", "b"], "s": "beta/1"},
        {"n": 3.5, "t": [], "s": "Gamma", "k": null}]}});
    let check = |filter: &str, wanted: Value| {
        assert_eq!(resolve(&format!("${{r.l[?({filter})].n}}"), &v), wanted, "{filter}");
    };
    check("@.n == 2", json!([2]));
    check("@.n != 2", json!([1, 3.5]));
    check("@.n == '2'", json!([2]));
    check("@.n === '2'", json!([]));
    check("@.n >= 2 && @.n < 4", json!([2, 3.5]));
    check("@.n<2||@.n>3", json!([1, 3.5]));
    check("!(@.n == 2)", json!([1, 3.5]));
    check("!@.k", json!([2]));
    check("@.k", json!([1, 3.5]));
    check("@.k == null", json!([3.5]));
    check("@.k == true", json!([1]));
    check("@.s =~ /.*A/i", json!([1, 3.5]));
    check("@.s =~ /beta\\/\\d/", json!([2]));
    check("@.s =~ /eta/", json!([]));
    check("@.n in [1, 3.5]", json!([1, 3.5]));
    check("@.s in ['alpha', \"Gamma\"]", json!([1, 3.5]));
    check("@.n nin [1]", json!([2, 3.5]));
    check("'b' in @.t", json!([2]));
    check("@.t contains 'a'", json!([1, 2]));
    check("@.s contains 'a/'", json!([2]));
    check("@.t size 2", json!([2]));
    check("@.t empty true", json!([3.5]));
    check("@.t anyof ['b']", json!([2]));
    check("@.t noneof ['b']", json!([1, 3.5]));
    check("@.t subsetof ['a']", json!([1, 3.5]));
    check("@.t all ['a', 'b']", json!([2]));
    check("@.n == $.r.n", json!([2]));
    check("@.t.length() > 1", json!([2]));
    check("@.t[0] == 'a' && (@.n == 1 || @.n == 2)", json!([1, 2]));
    check("@['s'] == 'alpha'", json!([1]));
    assert_eq!(resolve("${r.n[?(@.x)]}", &v), Value::Null, "a filter on a bare value is a mistake");
}

#[test]
fn slices_unions_and_deep_scans() {
    let v = json!({"r": {"l": [0, 1, 2, 3], "m": {"a": {"id": 1}, "b": [{"id": 2}, {"x": {"id": 3}}]}}});
    for (path, wanted) in [
        ("r.l[1:]", json!([1, 2, 3])),
        ("r.l[:-1]", json!([0, 1, 2])),
        ("r.l[-3:-1]", json!([1, 2])),
        ("r.l[1:-1]", json!([])),
        ("r.l[9:]", json!([])),
        ("r.l[0,-1,7]", json!([0, 3])),
        ("r.l[ 1 , 2 ]", json!([1, 2])),
        ("r.l[-9]", Value::Null),
        ("r.l[:]", Value::Null),
        ("r.m..id", json!([1, 2, 3])),
        ("r.m..[0].id", json!([2])),
        ("r.m.b..['id','x']", json!([])),
        ("r.m..[?(@.id > 1)].id", json!([2, 3])),
        ("r.m.*.id", json!([1])),
        ("r.m['a','b'].id", json!([1])),
        ("r.m['a','zz']", json!({"a": {"id": 1}})),
        ("r.l.first()", json!(0)),
        ("r.l.index(2)", json!(2)),
        ("r.l.index(-1)", json!(3)),
        ("r.l.stddev()", json!(1.118033988749895)),
        ("r.l.sum(10, $.r.l[3])", json!(19.0)),
        ("r.l.append('x')", Value::Null),
        ("r.l.append(4).length()", json!(5)),
        ("r.m.b.first().id", json!(2)),
        ("r.m.keys()", json!(["a", "b"])),
        ("r.l.nosuch()", Value::Null),
        ("$..id", json!([1, 2, 3])),
        ("$.r.l", json!([0, 1, 2, 3])),
        ("$x.l", Value::Null),
        ("r..", Value::Null),
        ("r...l", Value::Null),
        ("r.l[1]x", json!(1)),
    ] {
        assert_eq!(resolve(&format!("${{{path}}}"), &v), wanted, "{path}");
    }
}

#[test]
fn matches_print_as_json_and_values_as_java() {
    let v = json!({"r": {"l": [{"u": "http://x", "e": 1e21}], "m": {"v": [10, "é\u{2028}"]}}});
    assert_eq!(resolve("a ${r.l[*].u}", &v), "a [\"http:\\/\\/x\"]");
    assert_eq!(resolve("a ${r.l[*]}", &v), "a [{\"u\":\"http:\\/\\/x\",\"e\":1.0E21}]");
    assert_eq!(resolve("a ${r.*.v[*]}", &v), "a [10,\"é\\u2028\"]");
    assert_eq!(resolve("a ${r.l}", &v), "a [{u=http://x, e=1.0E21}]");
    assert_eq!(resolve("a ${r.m.keys()}", &v), "a [v]");
}

#[test]
fn decimals_in_java_form() {
    for (x, wanted) in [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (1000.0, "1000.0"),
        (1e21, "1.0E21"),
        (1e-5, "1.0E-5"),
        (0.001, "0.001"),
        (9_999_999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (123_456_789.123, "1.23456789123E8"),
        (-1.5e300, "-1.5E300"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Infinity"),
    ] {
        assert_eq!(java::double_text(x), wanted);
    }
    let parse = |text: &str| serde_json::from_str::<Value>(text).expect("a number");
    for (number, text, json) in [
        ("1.10", "1.1", "1.1"),
        ("1e5", "100000.0", "100000.0"),
        ("100000000000000000000", "100000000000000000000", "100000000000000000000"),
        ("1e400", "Infinity", "\"Infinity\""),
        ("1e-400", "0.0", "0.0"),
        ("-0", "0", "0"),
    ] {
        assert_eq!(java::to_text(&parse(number)), text);
        assert_eq!(java::normalise(&parse(number)).to_string(), json);
    }
}

#[test]
fn members_in_hash_map_order() {
    let map = object(json!({"zeta": 1, "alpha": 2, "mid": 3, "b": 4, "a1": 5, "longerKeyName": 6}));
    assert_eq!(
        java::map_text(&java::hash_map_order(&map)),
        "{zeta=1, a1=5, b=4, alpha=2, mid=3, longerKeyName=6}"
    );
    let resolved = resolve_map(&object(json!({"zeta": 1, "alpha": "${x.y}", "b": 4})), &roots(json!({})));
    assert_eq!(java::map_text(&resolved), "{zeta=1, b=4, alpha=null}");
    // 13 keys need 32 buckets
    let many: Map<String, Value> = (0..13).map(|i| (format!("k{}", i * 7), json!(i))).collect();
    let order: Vec<String> = java::hash_map_order(&many).keys().cloned().collect();
    assert_eq!(order.len(), 13);
    assert_eq!(java::hash_map_order(&java::hash_map_order(&many)).keys().cloned().collect::<Vec<_>>(), order);
}

#[test]
fn hostile_paths_end() {
    let wide = json!({"r": (0..300).map(|i| json!({"a": [i, {"a": [i, i]}]})).collect::<Vec<_>>()});
    let deep = (0..100).fold(json!(1), |v, _| json!({"a": [v]}));
    for v in [wide, json!({ "r": deep })] {
        for path in [
            "$..*..*..*..*..*..*".to_owned(),
            "r..[?(@..a)]..[?(@..a)]..a".to_owned(),
            format!("r{}", ".a".repeat(1000)),
            format!("r{}", "[?(@.a".repeat(500)),
            format!("r[?({}@.a{})]", "(".repeat(5000), ")".repeat(5000)),
            format!("r[?({}@.a)]", "!".repeat(5000)),
            format!("r[?(@.a in {}1)]", "[".repeat(5000)),
            "r[?(@.s =~ /(((a{100}){100}){100}){100}/)]".to_owned(),
            "r[99999999999999999999]".to_owned(),
            "r[-2147483648:2147483647]".to_owned(),
        ] {
            resolve(&format!("${{{path}}}"), &v);
            resolve(&format!("x ${{{path}}}"), &v);
        }
        resolve(&"${".repeat(20_000), &v);
        resolve(&format!("{}r{}", "${".repeat(20_000), "}".repeat(20_000)), &v);
    }
}

#[test]
fn a_member_is_read_without_its_root() {
    struct Parts(Map<String, Value>);
    impl Scope for Parts {
        fn root(&self, name: &str) -> Option<Cow<'_, Value>> {
            panic!("the whole root {name} is not needed")
        }
        fn task_id(&self) -> Option<String> {
            None
        }
        fn member(&self, root: &str, member: &str) -> Option<Member<'_>> {
            ((root, member) == ("workflow", "input")).then_some(Member::Object(&self.0))
        }
    }
    let scope = Parts(object(json!({"a": {"b": [1, {"c": 2}]}})));
    assert_eq!(resolve_value(&json!("${workflow.input.a.b[1].c}"), &scope), 2);
    assert_eq!(resolve_value(&json!("${workflow.input}"), &scope), json!({"a": {"b": [1, {"c": 2}]}}));
    assert_eq!(resolve_value(&json!("${workflow.input..c}"), &scope), json!([2]));
    assert_eq!(resolve_value(&json!("${workflow.input.size()}"), &scope), 1);
    assert_eq!(resolve_value(&json!("${workflow.output.x}"), &scope), Value::Null);
}

#[test]
fn one_document_can_be_read_too() {
    let path = Path::parse("$..id").expect("a path");
    assert_eq!(path.read_from(&json!([{"id": 1}, {"a": {"id": 2}}])).into_value(), json!([1, 2]));
    let path = Path::parse("$.l[?(@.n == $.max)].n").expect("a path");
    assert_eq!(path.read_from(&json!({"l": [{"n": 1}, {"n": 2}], "max": 2})).into_value(), json!([2]));
    let error = Path::parse("a b").expect_err("a blank").to_string();
    assert_eq!(error, "A name with blanks is written ['so'] (at character 3)");
}

#[test]
fn what_has_no_template_is_cheap_to_see() {
    let template = Template::compile(&json!({"a": [1, "x", {"b": "$"}]}));
    assert!(template.is_plain());
    assert!(!mentions_template(&json!({"${key}": 1})));
    assert!(mentions_template(&json!([{"a": "$${x}"}])));
    let template = Template::compile(&json!({"a": "${t1.output.x} ${b.c[${w.input.i}]}"}));
    let starts: Vec<_> = template.paths().iter().map(|path| path.map(Path::start)).collect();
    assert_eq!(starts, [Some((Some("t1"), Some("output"))), None, Some((Some("w"), Some("input")))]);
}

fn hostile_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("${".to_owned()),
        Just("$${".to_owned()),
        Just("}".to_owned()),
        Just("r".to_owned()),
        Just(".a".to_owned()),
        Just("..".to_owned()),
        Just("[*]".to_owned()),
        Just("[?(".to_owned()),
        Just("@.a".to_owned()),
        Just(" == ".to_owned()),
        Just(" && ".to_owned()),
        Just("=~ /a/i".to_owned()),
        Just(")]".to_owned()),
        Just("['a','b']".to_owned()),
        Just("[-1:2]".to_owned()),
        Just("[0,1]".to_owned()),
        Just(".length()".to_owned()),
        Just(".sum(1,$.r)".to_owned()),
        Just("\\".to_owned()),
        Just("é😀".to_owned()),
        any::<char>().prop_map(String::from),
        any::<String>(),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_text_panics(text in hostile_text()) {
        let v = json!({"r": {"a": [1, {"a": "x", "b": null}, [2.5, true]], "b": {"a": {}}}});
        resolve(&text, &v);
        resolve(&format!("${{{text}}}"), &v);
        resolve(&format!("${{r.a[?({text})]}}"), &v);
        if !text.contains("${") {
            prop_assert!(resolve(&text, &v) == text.as_str());
        }
    }

    #[test]
    fn rendering_twice_is_the_same(text in hostile_text()) {
        let template = Template::compile(&json!({"a": [text]}));
        let scope = roots(json!({"r": {"a": [1, 2], "b": "${x}"}}));
        prop_assert!(template.render(&scope) == template.render(&scope));
    }

    #[test]
    fn decimals_read_back(x in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
        prop_assert!(java::double_text(x).parse::<f64>().expect("a decimal") == x);
    }
}
