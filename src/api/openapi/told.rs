//! What Deskbridge tells others by itself: the events of the live stream, which is text to the document, and what webhooks get
//! (OpenAPI 3.1 §4.8.1, `webhooks`).

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, HttpMethod, Object, PathItem, Ref, RefOr, Required, ResponseBuilder, Schema, Type,
        path::{OperationBuilder, ParameterBuilder, ParameterIn, Paths, PathsBuilder},
        request_body::RequestBodyBuilder,
    },
};

use super::super::{events, webhook_event::Envelope};

const EVENT: &str = "event";

/// Adds the schemas of all that is told.
pub(super) fn add(components: &mut Components) {
    let mut schemas = events::schemas();
    schemas.push((Envelope::name().into_owned(), Envelope::schema()));
    Envelope::schemas(&mut schemas);
    components.schemas.extend(schemas);
}

/// What webhooks get: each event in one envelope.
pub(super) fn webhooks() -> Paths {
    let headers = [
        ("webhook-id", "The delivery's id, the same on every try"),
        ("webhook-timestamp", "When this try was made, in seconds since 1970"),
        ("webhook-signature", "`v1,` and a signature as in Standard Webhooks; several have spaces between them"),
        ("X-Deskbridge-Event", "As `event`"),
        ("X-Deskbridge-Signature", "`sha256=` and the HMAC-SHA256 of the body, in hexadecimal"),
    ];
    let headers = headers.map(|(name, about)| {
        let header = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::True);
        header.description(Some(about)).schema(Some(RefOr::T(Schema::from(Object::with_type(Type::String))))).build()
    });
    let body = Content::new(Some(Ref::from_schema_name(Envelope::name())));
    let body = RequestBodyBuilder::new().content("application/json", body).required(Some(Required::True));
    let answer = |about: &str| ResponseBuilder::new().description(about).build();
    let told = OperationBuilder::new()
        .operation_id(Some("webhook_event"))
        .tag("webhooks")
        .summary(Some("Something has happened that the webhook asked for."))
        .description(Some("Arrives at least once, under one id. docs/webhooks.md says how to verify it."))
        .parameters(Some(headers))
        .request_body(Some(body.build()))
        .response("2XX", answer("It was taken"))
        .response("410", answer("The webhook is switched off"))
        .response("default", answer("It is tried again: ten times over three days"));
    PathsBuilder::new().path(EVENT, PathItem::new(HttpMethod::Post, told)).build()
}
