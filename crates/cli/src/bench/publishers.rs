//! Connections that publish to all channels in turn.

use mio::event::Event;

use super::frames::{Shape, Stamp};
use super::link::Link;

pub(super) struct Publisher {
    pub(super) link: Link,
    number: u32,
    /// How many messages it has published.
    published: u64,
    answers: u64,
}

/// A publisher whose socket takes no more is not asked to encode on and on.
const UNWRITTEN_MAX: usize = 1024 * 1024;

impl Publisher {
    pub(super) fn new(link: Link, number: u32) -> anyhow::Result<Self> {
        link.no_delay()?;
        Ok(Self { link, number, published: 0, answers: 0 })
    }

    /// Encodes its next message and says which channel that goes to.
    ///
    /// The k-th message of publisher p goes to channel (p + k) mod channels.
    pub(super) fn publish(&mut self, shape: &Shape) -> u32 {
        let channels = u64::from(shape.channels());
        // The remainder is below the number of channels.
        let channel = ((u64::from(self.number) + self.published) % channels) as u32;
        let stamp = Stamp { publisher: self.number, sequence: self.published / channels };
        shape.encode_publish(self.link.out(), channel, stamp);
        self.published += 1;
        channel
    }

    /// How many more messages it may have on the way.
    pub(super) fn room(&self, pipeline: u64) -> u64 {
        let on_the_way = self.published - self.answers;
        if self.link.unwritten() > UNWRITTEN_MAX { 0 } else { pipeline.saturating_sub(on_the_way) }
    }

    /// Takes answers; `on_answer` gets how many the message is said to have reached.
    pub(super) fn handle(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        shape: &Shape,
        mut on_answer: impl FnMut(u64),
    ) -> anyhow::Result<()> {
        let Self { link, answers, .. } = self;
        link.handle(event, buffer, |bytes, out| {
            shape.protocol().read_answers(bytes, out, |receivers| {
                *answers += 1;
                on_answer(receivers);
            })
        })
    }

    /// How many of its messages went to this channel.
    pub(super) fn published_to(&self, channel: u32, channels: u32) -> u64 {
        let first = Stamp { publisher: self.number, sequence: 0 };
        self.published.saturating_sub(position(channels, channel, first)).div_ceil(u64::from(channels))
    }
}

/// How many messages its publisher had published before this one.
pub(super) fn position(channels: u32, channel: u32, stamp: Stamp) -> u64 {
    let channels = u64::from(channels);
    let offset = (u64::from(channel) + channels - u64::from(stamp.publisher) % channels) % channels;
    stamp.sequence * channels + offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_knows_its_position() {
        for (channels, publisher) in [(1, 0), (1, 4), (3, 0), (3, 1), (3, 5), (7, 3)] {
            for published in 0..40u64 {
                let channel = ((u64::from(publisher) + published) % u64::from(channels)) as u32;
                let stamp = Stamp { publisher, sequence: published / u64::from(channels) };
                assert_eq!(position(channels, channel, stamp), published);
            }
        }
    }
}
