//! Broker addresses as people write them: `host:port`, several with commas.

use tokio::net::lookup_host;

/// The hosts and ports of a list; `Err` names the first part that has no host or no port.
pub fn parse(list: &str) -> Result<Vec<(String, u16)>, String> {
    let mut found = Vec::new();
    for part in list.split(',').map(str::trim).filter(|p| !p.is_empty()) {
        // a protocol in front is allowed by other clients, and ignored here as there
        let bare = part.rsplit_once("://").map_or(part, |(_, rest)| rest);
        let (host, port) = bare.rsplit_once(':').ok_or_else(|| part.to_owned())?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port: u16 = port.parse().map_err(|_| part.to_owned())?;
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err(part.to_owned());
        }
        found.push((host.to_owned(), port));
    }
    if found.is_empty() { Err(list.to_owned()) } else { Ok(found) }
}

/// One spelling for lists that mean the same: trimmed, no empty parts, the order kept.
pub fn normal(list: &str) -> String {
    list.split(',').map(str::trim).filter(|p| !p.is_empty()).collect::<Vec<_>>().join(",")
}

/// The same list without protocols: librdkafka gives up a whole list at the first one that it does not know.
pub(crate) fn bare(list: &str) -> String {
    let parts = list.split(',').map(|part| part.rsplit_once("://").map_or(part, |(_, rest)| rest));
    parts.collect::<Vec<_>>().join(",")
}

/// True if the name of at least one of the hosts is known here.
pub(crate) async fn any_resolves(list: &str) -> bool {
    let Ok(hosts) = parse(list) else { return false };
    for (host, port) in hosts {
        if lookup_host((host.as_str(), port)).await.is_ok_and(|mut found| found.next().is_some()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_as_other_clients_read_them() {
        assert_eq!(parse("a:1, b:2,").expect("a list"), [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        assert_eq!(parse("PLAINTEXT://[::1]:9092").expect("a list"), [("::1".to_owned(), 9092)]);
        assert_eq!(parse("noport"), Err("noport".to_owned()));
        assert_eq!(parse("a:1,b"), Err("b".to_owned()));
        assert_eq!(parse(" , "), Err(" , ".to_owned()));
        assert_eq!(normal(" a:1 ,,b:2 "), "a:1,b:2");
        assert_eq!(bare("http://a:1,b:2,PLAINTEXT://[::1]:3"), "a:1,b:2,[::1]:3");
    }
}
