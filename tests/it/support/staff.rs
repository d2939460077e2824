//! What people and programs do over REST in these tests.

use deskbridge::helpdesk::Role;
use serde_json::{Value, json};

use super::{
    eventually,
    stage::{Rest, token},
};

fn agent() -> String {
    token(Role::Agent, "eve@staff.example")
}

impl Rest {
    /// What `/healthz` says, and its status code.
    pub async fn health(&self) -> (u16, Value) {
        let answer = self.get("", "/healthz").await;
        (answer.status, answer.json)
    }

    /// Waits until the link is down for this reason.
    pub async fn link_is_down_by(&self, word: &str) {
        eventually(&format!("health says {word}"), || async {
            let (status, health) = self.health().await;
            let is_said = status == 503 && health["services"]["xmpp"] == "unhealthy";
            (is_said && health["details"]["xmpp"] == word).then_some(())
        })
        .await;
    }

    /// An agent replies; gives the message's id.
    pub async fn reply(&self, ticket: &str, text: &str) -> String {
        let path = format!("/api/v1/xmpp/tickets/{ticket}/messages");
        let answer = self.post(&agent(), &path, &json!({ "content": text })).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        answer.json["message_id"].as_str().unwrap().to_owned()
    }

    /// An agent writes first; gives the ticket's and the message's id.
    pub async fn approach(&self, jid: &str, text: &str) -> (String, String) {
        let answer = self.post(&agent(), "/api/v1/xmpp/tickets", &json!({ "jid": jid, "message": text })).await;
        assert_eq!(answer.status, 201, "{}", answer.json);
        let id = |name: &str| answer.json[name].as_str().unwrap().to_owned();
        (id("ticket_id"), id("message_id"))
    }

    /// Tells a presence as an agent.
    pub async fn tell_presence(&self, presence: Value) {
        let answer = self.post(&agent(), "/api/v1/xmpp/presence", &presence).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
    }

    /// Waits until `jid` is known to be in this state.
    pub async fn knows(&self, jid: &str, status: &str) {
        eventually(&format!("{jid} is known to be {status}"), || async {
            let known = self.get(&agent(), &format!("/api/v1/xmpp/presence?jid={jid}")).await;
            (known.json["status"] == status).then_some(())
        })
        .await;
    }

    /// What is known of a JID's resources: their names and states.
    pub async fn resources_of(&self, jid: &str) -> Vec<(String, String)> {
        let known = self.get(&agent(), &format!("/api/v1/xmpp/presence?jid={jid}")).await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let resources = known.json["resources"].as_array().unwrap().iter();
        resources.map(|known| (text(&known["resource"]), text(&known["status"]))).collect()
    }

    /// All tickets of a customer.
    pub async fn tickets_of(&self, jid: &str) -> Vec<Value> {
        let answer = self.get(&agent(), &format!("/api/v1/xmpp/tickets?jid={jid}")).await;
        assert_eq!(answer.status, 200, "{}", answer.json);
        answer.json.as_array().unwrap().clone()
    }

    /// A ticket's conversation as an agent sees it.
    pub async fn sync_as_agent(&self, ticket: &str) -> Value {
        self.sync(&agent(), ticket).await
    }

    /// One message of a ticket, with its delivery.
    pub async fn message(&self, ticket: &str, id: &str) -> Value {
        let conversation = self.sync_as_agent(ticket).await;
        let mut messages = conversation["messages"].as_array().unwrap().iter();
        messages.find(|message| message["id"] == id).expect("the message is in its ticket").clone()
    }

    /// Waits until a message carries this time, such as `delivered_at`, and gives it.
    pub async fn reached(&self, ticket: &str, id: &str, time: &str) -> Value {
        eventually(&format!("{time} of a message"), || async {
            Some(self.message(ticket, id).await[time].clone()).filter(Value::is_string)
        })
        .await
    }
}
