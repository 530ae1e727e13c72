//! W3C trace context: who called, in whose trace.

/// A place in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) trace: u128,
    pub(super) span: u64,
    pub(super) sampled: bool,
}

impl Context {
    /// What a `traceparent` says. What is not one says nothing.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        let (version, trace, span, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Version 0 has four parts; a later one may have more, and ff is none.
        let more = parts.next().is_some();
        if hex(version, 2)? == 0xff || (version == "00" && more) {
            return None;
        }
        let (trace, span) = (hex(trace, 32)?, u64::try_from(hex(span, 16)?).ok()?);
        let sampled = hex(flags, 2)? & 1 == 1;
        (trace != 0 && span != 0).then_some(Self { trace, span, sampled })
    }
}

/// A number of exactly so many lower-case digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let fits = text.len() == digits && text.bytes().all(lower);
    if fits { u128::from_str_radix(text, 16).ok() } else { None }
}

/// Which traces that begin here are exported.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sampler {
    /// Whether a caller's decision holds.
    pub(super) follows_parent: bool,
    /// The share of the others.
    pub(super) share: f64,
}

impl Sampler {
    /// Whether a span is exported.
    pub(super) fn takes(&self, parent: Option<Context>, trace: u128) -> bool {
        match parent {
            Some(parent) if self.follows_parent => parent.sampled,
            _ => {
                // The low half of a trace's number is random: every service that looks decides alike.
                let place = (trace as u64 >> 11) as f64 / (1_u64 << 53) as f64;
                place < self.share
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_or_it_is_none() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
        let context = Context::parse(good).expect("a context");
        assert_eq!(format!("{:032x}", context.trace), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!((context.span, context.sampled), (0x00f0_67aa_0ba9_02b7, true));
        assert!(
            Context::parse("cc-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00-more")
                .is_some()
        );
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7",
            "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01-more",
            "ff-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-00f067aa0ba902b7-01",
            "00-0af7651916cd43dd8448eb211c80319-00f067aa0ba902b7-01",
            "00-+af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
        ] {
            assert_eq!(Context::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_share_of_the_traces_is_taken_and_a_callers_decision_holds() {
        let tenth = Sampler { follows_parent: true, share: 0.1 };
        let taken = (0..10_000).filter(|_| tenth.takes(None, rand::random())).count();
        assert!((700..1_300).contains(&taken), "{taken}");
        let parent = |sampled| Some(Context { trace: 1, span: 1, sampled });
        assert!(tenth.takes(parent(true), u128::MAX));
        assert!(!Sampler { share: 1.0, ..tenth }.takes(parent(false), 0));
        assert!(Sampler { follows_parent: false, share: 1.0 }.takes(parent(false), u128::MAX));
        assert!(!Sampler { follows_parent: false, share: 0.0 }.takes(parent(true), 0));
    }
}
