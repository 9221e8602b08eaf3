//! Hash slots: which part of a cluster a key or shard channel belongs to.

/// The number of hash slots of a cluster.
pub const SLOTS: u16 = 16384;

/// The hash slot of `key`: CRC16 (XMODEM) of its hash tag, or of the whole key, modulo [`SLOTS`].
///
/// The hash tag is what stands between the first `{` and the first `}` behind it, if that is not empty.
///
/// ```
/// assert_eq!(fanfare_wire::slot(b"{user1000}.following"), fanfare_wire::slot(b"user1000"));
/// ```
#[must_use]
pub fn slot(key: &[u8]) -> u16 {
    crc16(hash_tag(key).unwrap_or(key)) % SLOTS
}

fn hash_tag(key: &[u8]) -> Option<&[u8]> {
    let open = memchr::memchr(b'{', key)?;
    let behind = &key[open + 1..];
    let length = memchr::memchr(b'}', behind)?;
    (length > 0).then(|| &behind[..length])
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
}

const POLYNOMIAL: u16 = 0x1021;

static TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_has_the_published_check_value() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }

    /// The numbers are what `CLUSTER KEYSLOT` of Redis 7.0 answers.
    #[test]
    fn slots_are_those_of_redis() {
        let known: [(&[u8], u16); 16] = [
            (b"123456789", 12739),
            (b"foo", 12182),
            (b"news.tech", 5337),
            (b"", 0),
            (b"{user1000}.following", 3443),
            (b"foo{}{bar}", 8363),
            (b"foo{{bar}}zap", 4015),
            (b"foo{bar}{zap}", 5061),
            (b"{}", 15257),
            (b"a{b", 13340),
            (b"}{a}", 15495),
            (b"{a}{b}", 15495),
            (b"x{}", 2608),
            (b"{}x{a}", 684),
            (b"}a{b}c", 3300),
            (b"\x00\xff{\xff\x00}x", 1023),
        ];
        for (key, expected) in known {
            assert_eq!(slot(key), expected, "{}", key.escape_ascii());
        }
    }
}
