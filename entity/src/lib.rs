//! Deskbridge's tables as sea-orm entities.
//!
//! [`ticket`] ⟵ [`message`]: a conversation and its utterances. [`event`]: the append-only log of what
//! changed, numbered without gaps by [`counter`]. [`presence`] and [`subscription`]: who is there, and who
//! watches a desk; [`presence_told`]: what was told of it. [`agent`]: who answers; [`notice`]: what agents are told over XMPP; [`attachment`]: files;
//! [`hint`]: what a contact was told once; [`heard`]: commands that were carried out; [`opening`]: what erased customers
//! had opened lately; [`kept_answer`]: answers of the REST API that are given again.
//! [`llm_call`] and [`token_count`]: what the language model cost. [`copilot`]: what the assistant makes for agents;
//! [`proposal`]: pages it would learn from them. [`server_room`] ⟵ [`server_occupant`]: the XMPP server's rooms, and who is in them.
//! [`webhook`] ⟵ [`webhook_delivery`]: programs that are told what happened, and what they are told.
//! [`api_key`]: keys of programs.
//! [`audit`]: what the staff did.
//!
//! Types here carry no behaviour: the rules stand in the `helpdesk` module of the main crate.

pub mod agent;
pub mod api_key;
pub mod attachment;
pub mod audit;
pub mod copilot;
pub mod counter;
pub mod event;
pub mod heard;
pub mod hint;
pub mod kept_answer;
pub mod llm_call;
pub mod message;
pub mod notice;
pub mod opening;
pub mod presence;
pub mod presence_told;
pub mod proposal;
pub mod server_occupant;
pub mod server_room;
pub mod subscription;
pub mod ticket;
pub mod token_count;
pub mod webhook;
pub mod webhook_delivery;
