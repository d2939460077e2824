//! What a single stanza may be.

/// What one stanza may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes on the wire. Prosody and ejabberd let 256 to 512 KiB through.
    pub stanza_bytes: usize,
    /// Nested elements, the stanza itself included. The parser's and the tree's stack use grows with it.
    pub depth: u32,
    /// Bytes of one name or one attribute's value. rxml fails for good above 8192.
    pub token_bytes: usize,
    /// Elements in all, the stanza itself included.
    pub elements: u32,
    /// Attributes of all elements together, namespace declarations included.
    pub attributes: u32,
}

/// What one stanza takes away from all others, in gate and parser together, measured in a release build on one core:
/// 2000 elements or 4000 attributes 2 to 6 ms, 512 KiB of text 30 to 40 ms, a usual message 8 µs.
impl Default for Limits {
    fn default() -> Self {
        Self { stanza_bytes: 256 * 1024, depth: 64, token_bytes: 8000, elements: 2000, attributes: 4000 }
    }
}
