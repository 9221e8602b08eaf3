//! Failed logins by where they come from: no address gets to try more than some passwords in a minute.

use std::net::{IpAddr, Ipv6Addr};

use indexmap::IndexMap;

use crate::client::{Address, Client, ProcessSeed};

/// How long failures count, from the first of them on. Later ones do not prolong it: whoever shares the address with
/// someone who guesses gets a chance again.
const WINDOW_US: u64 = 60_000_000;

/// How many addresses are remembered. Who has more of them to be forgotten by, has so many tries that the limit is none.
const ADDRESSES_MAX: usize = 4096;

/// How many addresses one report names.
const LOGGED_MAX: usize = 16;

/// How much of a user's name it shows.
const NAME_BYTES_MAX: usize = 64;

/// The bits of an IPv6 address that a provider gives away: the others are its customer's to choose.
const IPV6_PREFIX: u128 = !0 << 64;

/// The failures of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    /// In the order in which they began.
    windows: IndexMap<IpAddr, Window, ProcessSeed>,
}

#[derive(Debug)]
struct Window {
    began_us: u64,
    failures: u32,
}

impl Window {
    const fn is_over(&self, now_us: u64) -> bool {
        now_us.saturating_sub(self.began_us) >= WINDOW_US
    }
}

impl Failures {
    /// Counts one more.
    pub(crate) fn push(&mut self, source: IpAddr, now_us: u64) {
        match self.windows.get_mut(&source) {
            Some(window) if !window.is_over(now_us) => window.failures = window.failures.saturating_add(1),
            known => {
                if known.is_some() {
                    self.windows.shift_remove(&source);
                } else if self.windows.len() >= ADDRESSES_MAX {
                    self.windows.shift_remove_index(0);
                }
                self.windows.insert(source, Window { began_us: now_us, failures: 1 });
            }
        }
    }

    /// How many there were in the minute under way.
    pub(crate) fn count(&self, source: IpAddr, now_us: u64) -> u32 {
        self.windows.get(&source).filter(|window| !window.is_over(now_us)).map_or(0, |window| window.failures)
    }
}

/// Logins that failed at one address, for the log.
#[derive(Clone, Debug)]
pub struct FailedLogin {
    /// The client that was the first of them.
    pub client: u64,
    /// Its address.
    pub address: Address,
    /// The name that it gave: escaped, and cut to a length that one can read.
    pub user: String,
    /// How many they are.
    pub count: u64,
}

/// Those that are not in the log yet, one for each address: nobody fills the log by failing often.
#[derive(Debug, Default)]
pub(crate) struct FailedLogins(Vec<FailedLogin>);

impl FailedLogins {
    /// Takes note of one; those of more addresses at once than anybody would read are only counted, in INFO.
    pub(crate) fn push(&mut self, client: &Client, user: &[u8]) {
        let address = &client.endpoint.address;
        let is_same = |other: &Address| match (address, other) {
            (Address::Tcp(one), Address::Tcp(other)) => one.ip() == other.ip(),
            (Address::Unix(_), Address::Unix(_)) => true,
            _ => false,
        };
        if let Some(known) = self.0.iter_mut().find(|known| is_same(&known.address)) {
            known.count += 1;
        } else if self.0.len() < LOGGED_MAX {
            let user = user[..user.len().min(NAME_BYTES_MAX)].escape_ascii().to_string();
            self.0.push(FailedLogin { client: client.id, address: address.clone(), user, count: 1 });
        }
    }

    pub(crate) fn pop(&mut self) -> Option<FailedLogin> {
        self.0.pop()
    }
}

/// Who counts as one, `None` for this machine itself: a proxy on it speaks for everyone.
pub(crate) fn source(address: &Address) -> Option<IpAddr> {
    let Address::Tcp(address) = address else { return None };
    match address.ip().to_canonical() {
        ip if ip.is_loopback() => None,
        IpAddr::V6(ip) => Some(Ipv6Addr::from_bits(ip.to_bits() & IPV6_PREFIX).into()),
        ip => Some(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(ip: &str) -> Option<IpAddr> {
        source(&Address::Tcp((ip.parse::<IpAddr>().unwrap(), 1234).into()))
    }

    #[test]
    fn failures_count_for_a_minute_from_the_first() {
        let mut failures = Failures::default();
        let (one, other) = (from("192.0.2.1").unwrap(), from("192.0.2.2").unwrap());
        failures.push(one, 5);
        failures.push(one, WINDOW_US);
        assert_eq!((failures.count(one, WINDOW_US + 4), failures.count(other, 5)), (2, 0));
        assert_eq!(failures.count(one, WINDOW_US + 5), 0);
        failures.push(one, WINDOW_US + 5);
        assert_eq!(failures.count(one, WINDOW_US + 5), 1);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_the_oldest() {
        let mut failures = Failures::default();
        let ip = |at: u32| IpAddr::V4((0x0a00_0000 + at).into());
        for at in 0..ADDRESSES_MAX as u32 {
            failures.push(ip(at), 1);
        }
        // Begun anew it is the youngest.
        failures.push(ip(0), WINDOW_US + 1);
        failures.push(ip(ADDRESSES_MAX as u32), WINDOW_US + 1);
        assert_eq!(failures.windows.len(), ADDRESSES_MAX);
        assert!(failures.windows.contains_key(&ip(0)) && !failures.windows.contains_key(&ip(1)));
    }

    #[test]
    fn a_network_of_ipv6_is_one_and_this_machine_none() {
        assert_eq!(from("2001:db8:1:2:3::1"), from("2001:db8:1:2::ffff"));
        assert_ne!(from("2001:db8:1:2::1"), from("2001:db8:1:3::1"));
        assert_eq!(from("::ffff:192.0.2.1"), from("192.0.2.1"));
        assert_eq!([from("127.0.0.9"), from("::1"), from("::ffff:127.0.0.1")], [None; 3]);
        assert_eq!(source(&Address::Unix("/socket".into())), None);
    }
}
