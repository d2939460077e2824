//! From `[[desk]]` to the desks that the domain knows.

#[cfg(test)]
mod tests;

use std::{fs::File, io::Read, path::Path};

use anyhow::{Context, anyhow};

use super::title;
use crate::{
    config::{self, Config, Timeout},
    helpdesk::{Avatar, Desk, DeskAgent, Hours, Limits, Rules, Texts, is_settled, texts::Language},
};

/// The desks of a configuration.
///
/// # Errors
/// When hours, texts, a picture or an agent's JID are unusable, with the key.
pub fn desks(config: &Config) -> anyhow::Result<Vec<Desk>> {
    config.desk.iter().enumerate().map(|(index, desk)| self::desk(config, index, desk)).collect()
}

fn desk(config: &Config, index: usize, desk: &config::Desk) -> anyhow::Result<Desk> {
    let complaint = |key: &str, problem: &str| anyhow!("configuration key desk[{index}].{key}: {problem}");
    let hours = Hours::parse(desk.time_zone.as_deref(), &desk.hours, &desk.holidays)
        .map_err(|error| complaint(&error.key, &error.problem))?;
    let language = desk.language.as_deref().unwrap_or("en");
    let language: Language = language.parse().map_err(|problem: String| complaint("language", &problem))?;
    let texts = Texts::with(language, &desk.texts)
        .map_err(|error| complaint(&format!("texts.{}", error.key), &error.problem))?;
    for (place, agent) in desk.agents.iter().enumerate() {
        if !is_settled(&agent.jid.clone().into()) {
            return Err(complaint(&format!("agents[{place}]"), "is not in its normal form"));
        }
    }
    let avatar = desk.avatar.as_deref().map_or_else(|| Ok(Avatar::default()), avatar);
    Ok(Desk {
        name: desk.name.clone(),
        title: title(desk),
        description: desk.description.clone().unwrap_or_default(),
        avatar: avatar.with_context(|| format!("configuration key desk[{index}].avatar"))?,
        rules: rules(config, desk),
        hours,
        texts,
        agents: desk
            .agents
            .iter()
            .map(|agent| DeskAgent { jid: agent.jid.clone(), name: agent.name.clone() })
            .collect(),
        limits: if config.limits.enabled { limits(&desk.limits) } else { Limits::NONE },
        still_looking_after: desk.still_looking_after.and_then(Timeout::duration),
        assistant: desk.assistant,
        learning: desk.learning,
        retention: desk.retention.and_then(Timeout::duration),
    })
}

fn avatar(path: &Path) -> anyhow::Result<Avatar> {
    let mut bytes = Vec::new();
    // Not more than is needed to see that it is too much: it might be a disk image, or /dev/zero.
    let limit = u64::try_from(Avatar::MAX_BYTES + 1)?;
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    Avatar::new(&bytes).with_context(|| format!("{} cannot be shown", path.display()))
}

fn rules(config: &Config, desk: &config::Desk) -> Rules {
    let default = Rules::default();
    Rules {
        quiet_window: desk.quiet_window.unwrap_or(config.assistant.quiet_window),
        reopen_window: desk.reopen_window.unwrap_or(default.reopen_window),
        claim_timeout: desk.claim_timeout.map_or(default.claim_timeout, Timeout::duration),
        nudge_after: desk.nudge_after.map_or(default.nudge_after, Timeout::duration),
        resolve_after: desk.resolve_after.unwrap_or(default.resolve_after),
    }
}

fn limits(given: &config::DeskLimits) -> Limits {
    let default = Limits::default();
    // Nobody reaches u32::MAX answers or messages: a greater number is as good as that.
    let limit = |given: Option<usize>, default| match given {
        None => default,
        Some(0) => None,
        Some(number) => Some(u32::try_from(number).unwrap_or(u32::MAX)),
    };
    let tokens = |given: Option<usize>, default| match given {
        None => default,
        Some(0) => None,
        Some(number) => Some(number as u64),
    };
    Limits {
        messages_per_minute: limit(given.messages_per_minute, default.messages_per_minute),
        new_tickets_per_day: limit(given.new_tickets_per_day, default.new_tickets_per_day),
        answers_per_ticket: limit(given.answers_per_ticket, default.answers_per_ticket),
        tokens_per_customer_day: tokens(given.tokens_per_customer_day, default.tokens_per_customer_day),
        tokens_per_desk_month: tokens(given.tokens_per_desk_month, default.tokens_per_desk_month),
    }
}
