//! What was spent.

use deskbridge_entity::token_count::{self, Column};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};

use crate::helpdesk::{Error, store::Store, usage::Sum};

/// The tokens of a customer's day and of a desk's month: two look-ups by key.
pub(in crate::helpdesk) async fn tokens(store: &Store, customer: Sum, desk: Sum) -> Result<(u64, u64), Error> {
    let is = |(scope, period, key): &Sum| {
        Condition::all().add(Column::Scope.eq(*scope)).add(Column::Period.eq(period)).add(Column::Key.eq(key))
    };
    let either = Condition::any().add(is(&customer)).add(is(&desk));
    let rows = token_count::Entity::find().filter(either).all(store.read()).await?;
    let of = |wanted: token_count::Scope| {
        let row = rows.iter().find(|row| row.scope == wanted);
        row.map_or(0, |row| u64::try_from(row.tokens).unwrap_or_default())
    };
    Ok((of(customer.0), of(desk.0)))
}
