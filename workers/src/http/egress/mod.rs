//! Where calls may go.
//!
//! | asked in this order | |
//! |---|---|
//! | link-local and metadata addresses, multicast | never |
//! | what Podium itself stands on: its database, its brokers | never |
//! | Podium's own REST API | never, unless `allow` names the address with its port |
//! | `deny` | no |
//! | `allow` | yes |
//! | loopback and private ranges | yes; no under `strict` |
//! | everything else | yes; no under `listed` |
//!
//! Names are looked up once, each address is checked, and the connection goes to an address that was checked: a name
//! that changes its mind in between wins nothing. Redirects are checked like the first address.

mod ranges;
mod rule;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use serde::Deserialize;

pub use rule::{Rule, RuleError};

use ranges::{Range, range};

/// What may be reached without being named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// Everything but what is never allowed: existing definitions call services beside the engine.
    #[default]
    Compatible,
    /// No loopback and private ranges.
    Strict,
    /// Only what `allow` names.
    Listed,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Profile::Compatible => "compatible",
            Profile::Strict => "strict",
            Profile::Listed => "listed",
        }
    }
}

/// Something that Podium stands on and no task may talk to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address; empty = this host.
    pub host: String,
    pub port: u16,
    /// What it is, for reasons: `the database of Podium`.
    pub what: &'static str,
    /// A rule of `allow` with its port opens it.
    pub may_be_allowed: bool,
}

/// The rules.
#[derive(Clone, Debug, Default)]
pub struct EgressSettings {
    pub profile: Profile,
    pub allow: Vec<Rule>,
    pub deny: Vec<Rule>,
    pub own: Vec<Endpoint>,
}

/// Why a call may not go there: host, rule, and the setting to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Denied(pub(super) String);

/// The rules at work.
#[derive(Debug)]
pub(super) struct Egress(EgressSettings);

/// Names of metadata services, also where they resolve to something else.
const METADATA_NAMES: [&str; 3] = ["metadata.google.internal", "metadata.goog", "instance-data.ec2.internal"];

impl Egress {
    pub(super) fn new(settings: EgressSettings) -> Self {
        Egress(settings)
    }

    /// Asks about a name, before it is looked up.
    pub(super) fn name(&self, host: &str, port: u16) -> Result<(), Denied> {
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        if METADATA_NAMES.contains(&host.as_str()) {
            return denied(format!(
                "{host} is a metadata service, which no task may reach; no setting allows it"
            ));
        }
        match self.0.deny.iter().find(|rule| rule.names(&host, port)) {
            Some(rule) => denied(format!("{host}:{port} is denied by \"{rule}\" of egress.deny")),
            None => Ok(()),
        }
    }

    /// Asks about an address that a name stands for.
    pub(super) fn address(&self, host: &str, address: SocketAddr) -> Result<(), Denied> {
        let (ip, port) = (address.ip().to_canonical(), address.port());
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let literal =
            host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|given| given == address.ip());
        let shown = if literal { format!("{ip}") } else { format!("{host} ({ip})") };
        let range = range(ip);
        if let Range::Never { net, what } = range {
            return denied(format!(
                "{shown} is in {net}, {what}, which no task may reach; no setting allows it"
            ));
        }
        if let Some(rule) = self.0.deny.iter().find(|rule| rule.holds(ip, port)) {
            return denied(format!("{shown} is denied by \"{rule}\" of egress.deny"));
        }
        if self.0.allow.iter().any(|rule| rule.holds(ip, port) || rule.names(&host, port)) {
            return Ok(());
        }
        let way_out = format!("to allow it, add \"{host}\" or \"{ip}\" to egress.allow");
        match (self.0.profile, range) {
            (Profile::Strict, Range::Private { net, what }) => denied(format!(
                "{shown} is in {net}, {what}, which egress.profile = \"strict\" denies; {way_out}"
            )),
            (Profile::Listed, _) => denied(format!(
                "{shown} is not named by egress.allow, and egress.profile = \"{}\" denies everything else; {way_out}",
                self.0.profile.name()
            )),
            _ => Ok(()),
        }
    }

    /// Asks whether the address is one of Podium's own.
    pub(super) async fn not_own(&self, host: &str, address: SocketAddr) -> Result<(), Denied> {
        let ip = address.ip().to_canonical();
        for own in self.0.own.iter().filter(|own| own.port == address.port()) {
            let opened = self
                .0
                .allow
                .iter()
                .any(|rule| rule.has_port() && (rule.holds(ip, own.port) || rule.names(host, own.port)));
            if (own.may_be_allowed && opened) || !is_at(own, ip).await {
                continue;
            }
            let way_out = match own.may_be_allowed {
                true => format!("to allow it, add \"{ip}:{}\" to egress.allow", own.port),
                false => "no setting allows it".to_owned(),
            };
            return denied(format!("{host} ({address}) is {}; {way_out}", own.what));
        }
        Ok(())
    }
}

fn denied<T>(why: String) -> Result<T, Denied> {
    Err(Denied(format!("EGRESS_DENIED: {why}")))
}

async fn is_at(own: &Endpoint, ip: IpAddr) -> bool {
    if own.host.is_empty() {
        return is_here(ip);
    }
    let Ok(found) = tokio::net::lookup_host((own.host.as_str(), own.port)).await else { return false };
    let mut found = found.map(|address| address.ip().to_canonical());
    found.any(|at| at == ip || (is_here(at) && is_here(ip)))
}

/// Is it an address of this host? The way to such an address begins at the address itself; nothing is sent to find out.
fn is_here(ip: IpAddr) -> bool {
    if ip.is_loopback() || ip.is_unspecified() {
        return true;
    }
    let any: IpAddr = match ip {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let way = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((ip, 9))?;
        socket.local_addr()
    });
    way.is_ok_and(|from| from.ip() == ip)
}

#[cfg(test)]
mod tests {
    use super::{Denied, Egress, EgressSettings, Endpoint, Profile};

    fn egress(profile: Profile, allow: &[&str], deny: &[&str]) -> Egress {
        let rules = |texts: &[&str]| texts.iter().map(|text| text.parse().expect("a rule")).collect();
        Egress::new(EgressSettings { profile, allow: rules(allow), deny: rules(deny), own: Vec::new() })
    }

    fn ask(egress: &Egress, host: &str, address: &str) -> Result<(), String> {
        let address: std::net::SocketAddr = address.parse().expect("an address");
        let asked = egress.name(host, address.port()).and_then(|()| egress.address(host, address));
        asked.map_err(|Denied(why)| why)
    }

    #[test]
    fn what_is_never_allowed_is_so_under_every_form() {
        let open = egress(Profile::Compatible, &["169.254.0.0/16", "*"], &[]);
        for address in [
            "169.254.169.254:80",
            "[::ffff:169.254.169.254]:80",
            "[64:ff9b::a9fe:a9fe]:80",
            "[2002:a9fe:a9fe::1]:80",
            "[fd00:ec2::254]:80",
            "[fe80::1]:80",
            "100.100.100.200:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
        ] {
            let why = ask(&open, "inside.example", address).expect_err(address);
            assert!(
                why.starts_with("EGRESS_DENIED: inside.example (") && why.ends_with("no setting allows it"),
                "{why}"
            );
        }
        assert!(ask(&open, "Metadata.Google.Internal.", "8.8.8.8:80").is_err());
    }

    #[test]
    fn private_ranges_are_open_unless_strict() {
        let (open, strict) = (egress(Profile::Compatible, &[], &[]), egress(Profile::Strict, &[], &[]));
        for address in [
            "127.0.0.1:1",
            "0.0.0.0:1",
            "[::1]:1",
            "[::ffff:127.0.0.1]:1",
            "10.1.2.3:1",
            "172.31.0.1:1",
            "192.168.0.1:1",
            "100.64.0.1:1",
            "[fd12::1]:1",
        ] {
            assert_eq!(ask(&open, "h", address), Ok(()), "{address}");
            let why = ask(&strict, "h", address).expect_err(address);
            assert!(why.contains("\"strict\"") && why.contains("add \"h\" or \""), "{why}");
        }
        assert_eq!(ask(&strict, "h", "93.184.216.34:443"), Ok(()));
        assert_eq!(
            ask(&strict, "10.1.2.3", "10.1.2.3:80"),
            Err("EGRESS_DENIED: 10.1.2.3 is in 10.0.0.0/8, a private network, which egress.profile = \"strict\" denies; to \
                 allow it, add \"10.1.2.3\" or \"10.1.2.3\" to egress.allow"
                .to_owned())
        );
    }

    #[test]
    fn lists_open_and_close() {
        let strict = egress(
            Profile::Strict,
            &["10.1.0.0/16", "db.local:5432", "*.svc"],
            &["10.1.9.9", "*.evil.example"],
        );
        assert_eq!(ask(&strict, "h", "10.1.2.3:80"), Ok(()));
        assert_eq!(ask(&strict, "db.local", "10.2.0.1:5432"), Ok(()));
        assert!(ask(&strict, "db.local", "10.2.0.1:80").is_err());
        assert_eq!(ask(&strict, "a.b.svc", "192.168.1.1:80"), Ok(()));
        assert!(
            ask(&strict, "h", "10.1.9.9:80").expect_err("denied").contains("\"10.1.9.9\" of egress.deny")
        );
        assert!(ask(&strict, "x.evil.example", "8.8.8.8:80").expect_err("denied").contains("*.evil.example"));
        let listed = egress(Profile::Listed, &["api.example.com"], &[]);
        assert_eq!(ask(&listed, "API.example.com", "8.8.8.8:443"), Ok(()));
        assert!(ask(&listed, "other.example.com", "8.8.8.8:443").expect_err("denied").contains("\"listed\""));
    }

    #[tokio::test]
    async fn what_podium_stands_on_is_out_of_reach() {
        let own = |host: &str, port, may_be_allowed| {
            let what = "Podium's own";
            Endpoint { host: host.to_owned(), port, what, may_be_allowed }
        };
        let settings = EgressSettings {
            own: vec![own("", 8080, true), own("localhost", 5432, false)],
            allow: vec!["127.0.0.1:8080".parse().expect("a rule"), "127.0.0.1:5432".parse().expect("a rule")],
            ..EgressSettings::default()
        };
        let closed = Egress::new(EgressSettings {
            allow: vec!["127.0.0.1".parse().expect("a rule")],
            ..settings.clone()
        });
        let opened = Egress::new(settings);
        let at = |port: u16| std::net::SocketAddr::from(([127, 0, 0, 1], port));
        assert!(
            closed.not_own("localhost", at(8080)).await.expect_err("denied").0.contains("127.0.0.1:8080")
        );
        assert_eq!(opened.not_own("localhost", at(8080)).await, Ok(()));
        assert!(
            opened
                .not_own("localhost", at(5432))
                .await
                .expect_err("denied")
                .0
                .ends_with("no setting allows it")
        );
        assert_eq!(closed.not_own("localhost", at(80)).await, Ok(()));
    }
}
