//! Environment variables as parts of the file.

use toml::Value;

/// The order in which variables are put in: the places of a list as they are counted, whatever order the environment has.
pub(super) fn place(key: &str) -> Vec<(Option<usize>, String)> {
    key.split("__").map(|part| (part.parse().ok(), part.to_owned())).collect()
}

/// Puts a value at a path; a number on the path stands for a place in a list. `None` if something else is there.
pub(super) fn insert(at: &mut Value, path: &[&str], value: String) -> Option<()> {
    let (first, rest) = path.split_first()?;
    let slot = match at {
        Value::Array(list) => {
            let index: usize = first.parse().ok().filter(|index| *index <= list.len())?;
            if index == list.len() {
                list.push(Value::Table(toml::Table::new()));
            }
            list.get_mut(index)?
        }
        Value::Table(table) => {
            let is_list = rest.first().is_some_and(|next| next.parse::<usize>().is_ok());
            let empty = if is_list { Value::Array(Vec::new()) } else { Value::Table(toml::Table::new()) };
            table.entry((*first).to_owned()).or_insert(empty)
        }
        _ => return None,
    };
    if rest.is_empty() {
        *slot = Value::String(value);
        return Some(());
    }
    insert(slot, rest, value)
}
