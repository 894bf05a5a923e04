//! One line of `allow` or `deny`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// A name (`api.example.com`), all names under one (`*.example.com`), an address, a network (`10.0.0.0/8`), or
/// everything (`*`); with `:port` behind it only that port, with IPv6 in brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    what: What,
    port: Option<u16>,
    text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Everything,
    Name(String),
    /// With the dot in front.
    Under(String),
    Net(IpNet),
}

/// A line that is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no rule; write a name (\"api.example.com\", \"*.example.com\"), an address or a network (\"10.0.0.0/8\", \
     \"[fd00::]/8\"), each with or without a port (\"10.0.0.5:8080\")"
)]
pub struct RuleError(String);

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError(text.to_owned());
        let given = text.trim().to_ascii_lowercase();
        let (host, port) = match given.rsplit_once(':') {
            // an IPv6 address without brackets has no port
            Some((host, _)) if host.contains(':') && !host.ends_with(']') => (given.as_str(), None),
            Some((host, port)) if host.ends_with(']') || !host.contains('[') => {
                (host, Some(port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?))
            }
            _ => (given.as_str(), None),
        };
        let plain: String = host.chars().filter(|c| !matches!(c, '[' | ']')).collect();
        let what = if plain == "*" {
            What::Everything
        } else if let Ok(net) = plain.parse::<IpNet>() {
            What::Net(net)
        } else if let Ok(ip) = plain.parse::<IpAddr>() {
            What::Net(ip.to_canonical().into())
        } else if let Some(under) =
            plain.strip_prefix('*').filter(|under| is_name(under.trim_start_matches('.')))
        {
            if !under.starts_with('.') {
                return Err(wrong());
            }
            What::Under(under.to_owned())
        } else if is_name(&plain) {
            What::Name(plain.trim_end_matches('.').to_owned())
        } else {
            return Err(wrong());
        };
        Ok(Rule { what, port, text: text.trim().to_owned() })
    }
}

impl Rule {
    /// Does it mean this name (small letters, no dot at the end)?
    pub(super) fn names(&self, host: &str, port: u16) -> bool {
        let named = match &self.what {
            What::Everything => true,
            What::Name(name) => name == host,
            What::Under(under) => host.len() > under.len() && host.ends_with(under.as_str()),
            What::Net(_) => false,
        };
        named && self.is_for(port)
    }

    /// Does it mean this address?
    pub(super) fn holds(&self, ip: IpAddr, port: u16) -> bool {
        let held = match &self.what {
            What::Everything => true,
            What::Net(net) => net.contains(&ip),
            What::Name(_) | What::Under(_) => false,
        };
        held && self.is_for(port)
    }

    pub(super) fn has_port(&self) -> bool {
        self.port.is_some()
    }

    fn is_for(&self, port: u16) -> bool {
        self.port.is_none_or(|only| only == port)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    // what ends in digits would be an address
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    !last.is_empty() && text.chars().all(allowed) && !last.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn rules_are_names_addresses_and_networks() {
        let rule = |text: &str| text.parse::<Rule>().expect(text);
        let ip = |text: &str| text.parse().expect(text);
        assert!(rule("API.example.com").names("api.example.com", 1));
        assert!(rule("*.example.com").names("a.example.com", 1));
        assert!(!rule("*.example.com").names("example.com", 1));
        assert!(
            rule("10.0.0.0/8:80").holds(ip("10.1.1.1"), 80)
                && !rule("10.0.0.0/8:80").holds(ip("10.1.1.1"), 81)
        );
        assert!(rule("fd00::/8").holds(ip("fd12::1"), 80));
        assert!(
            rule("[fd12::1]:8080").holds(ip("fd12::1"), 8080)
                && !rule("[fd12::1]:8080").holds(ip("fd12::1"), 80)
        );
        assert!(rule("::1").holds(ip("::1"), 80));
        for wrong in ["", "a b", "10.0.0.0/33", "10.0.0", "*x.com", "host:0", "host:99999", "http://x", "a/b"]
        {
            assert!(wrong.parse::<Rule>().is_err(), "{wrong}");
        }
    }
}
