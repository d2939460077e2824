//! The OpenAPI document: made of the routes' own table and types, so that it cannot say otherwise than the code.
//!
//! What has nothing to do with one route is added here: who it is for, the token, and the failures that any request can meet.

mod headers;
mod told;

use std::collections::btree_map::Entry;

use axum::http::{HeaderName, Method, StatusCode, header::IF_NONE_MATCH};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, Content, Info, License, Object, OpenApi, PathItem, Ref, RefOr, Required, Response, ResponseBuilder,
        SecurityRequirement, Tag, Type,
        link::Link,
        path::{Operation, ParameterBuilder, ParameterIn, Paths},
        schema::{AnyOfBuilder, Schema},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use super::{access::Access, error::Envelope, idempotency, routes};

/// Where tickets are opened.
const TICKETS: &str = "/api/v1/xmpp/tickets";
/// What is about one ticket.
const TICKET: &str = "/api/v1/xmpp/tickets/{id}";
/// The name of the security scheme.
const TOKEN: &str = "token";

const ABOUT: &str = "Tickets, messages, presence and more of an AI helpdesk for XMPP.\n\n\
    A request may have an `X-Request-Id`, which its answer and the log repeat. Each answer behind a token says by `X-RateLimit-Limit`, \
    `-Remaining` and `-Reset` how the caller stands. A failure is `{\"error\": {\"code\", \"message\", \"timestamp\", \"requestId\"}}`. \
    Times are RFC 3339 in UTC, in answers with six decimals. Lists name their next page in `Link` (RFC 8288).";

const TAGS: [(&str, &str); 12] = [
    ("tickets", "One conversation of one customer with one desk each"),
    ("messages", "What is said in tickets, and the files that come with it"),
    ("sync", "For programs that keep a copy"),
    ("copilot", "What the assistant makes for agents"),
    ("desks", "Support addresses, who waits there, and what the assistant costs"),
    ("agents", "People who answer"),
    ("presence", "Who is there"),
    ("knowledge", "The pages that desks answer from"),
    ("customers", "What is known of a customer, and its end"),
    ("audit", "What the staff did"),
    ("server events", "The XMPP server tells of its rooms and who is in them, in words of its own"),
    ("webhooks", "Programs that are told what happens; docs/webhooks.md says what arrives there"),
];

/// The document of this version, as it is served.
#[must_use]
pub fn document() -> OpenApi {
    let mut document = OpenApi::new(info(), Paths::new());
    let mut components = Components::new();
    components.schemas.insert(Envelope::name().into_owned(), Envelope::schema());
    let mut below = Vec::new();
    Envelope::schemas(&mut below);
    components.schemas.extend(below);
    components.headers = headers::described();
    told::add(&mut components);
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A JSON Web Token, ours (`deskbridge token` makes one) or an identity provider's, whose role says what it opens; or a program's key (`deskbridge apikey create`), whose scopes do."));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(token.build()));
    for route in routes::table().into_iter().chain(routes::probes()) {
        components.schemas.extend(route.schemas);
        for (path, mut item) in route.paths.paths {
            // A path's rest is one parameter like others (a star is axum's word for it).
            let path = path.replace("{*", "{");
            if let (Some(put), true) = (&mut item.put, item.post.is_some()) {
                // One handler for both; an id is one operation's (OpenAPI 3.1 §4.8.10.1).
                put.operation_id = put.operation_id.take().map(|id| id + "_put");
            }
            for (method, operation) in operations_mut(&mut item) {
                complete(operation, &path, route.access, method);
            }
            if route.access.is_some() {
                repeat(&mut item);
            }
            for (method, operation) in operations_mut(&mut item) {
                headers::add(operation, route.access.is_some(), method == Method::POST, path.starts_with(TICKET));
            }
            match document.paths.paths.get_mut(&path) {
                Some(known) => known.merge_operations(item),
                None => drop(document.paths.paths.insert(path, item)),
            }
        }
    }
    link_tickets(&mut document.paths);
    document.components = Some(components);
    document.webhooks = Some(told::webhooks());
    document.tags = Some(TAGS.map(tag).into_iter().chain([tag(("operation", "For monitors"))]).collect());
    document
}

/// The document as text, for a file: indented, and with a line's end.
///
/// # Errors
/// When it makes no JSON.
pub fn text() -> Result<String, serde_json::Error> {
    Ok(serde_json::to_string_pretty(&document())? + "\n")
}

fn info() -> Info {
    let mut info = Info::new("Deskbridge", env!("CARGO_PKG_VERSION"));
    info.description = Some(ABOUT.to_owned());
    let mut license = License::new("Apache-2.0 OR MIT");
    license.identifier = Some("Apache-2.0 OR MIT".to_owned());
    info.license = Some(license);
    info
}

fn tag((name, description): (&str, &str)) -> Tag {
    let mut tag = Tag::new(name);
    tag.description = Some(description.to_owned());
    tag
}

/// Each with its method.
pub(super) fn operations(item: &PathItem) -> impl Iterator<Item = (Method, &Operation)> {
    let methods = [
        (Method::GET, &item.get),
        (Method::PUT, &item.put),
        (Method::POST, &item.post),
        (Method::DELETE, &item.delete),
        (Method::PATCH, &item.patch),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_ref()?)))
}

/// The same, to be changed.
fn operations_mut(item: &mut PathItem) -> impl Iterator<Item = (Method, &mut Operation)> {
    let methods = [
        (Method::GET, &mut item.get),
        (Method::PUT, &mut item.put),
        (Method::POST, &mut item.post),
        (Method::DELETE, &mut item.delete),
        (Method::PATCH, &mut item.patch),
    ];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Who it is for, and how it can fail.
fn complete(operation: &mut Operation, path: &str, access: Option<Access>, method: Method) {
    let mut failures = vec![
        (StatusCode::BAD_REQUEST, "The request cannot be read, or a parameter is not acceptable"),
        (StatusCode::INTERNAL_SERVER_ERROR, "Our fault"),
        (StatusCode::SERVICE_UNAVAILABLE, "Stopping, or too busy: try again after `Retry-After`"),
    ];
    if let Some(access) = access {
        let about = operation.description.take().map(|text| text + "\n\n").unwrap_or_default();
        operation.description = Some(format!("{about}For {}.", access.audience()));
        operation.security = Some(vec![SecurityRequirement::new::<_, [&str; 0], &str>(TOKEN, [])]);
        failures.extend([
            (StatusCode::UNAUTHORIZED, "There is no token, or it does not hold"),
            (StatusCode::FORBIDDEN, "This is not for the token's owner"),
            (StatusCode::TOO_MANY_REQUESTS, "Too much at once: try again after `Retry-After`"),
        ]);
    }
    if path.contains('{') {
        failures.push((StatusCode::NOT_FOUND, "There is no such thing, or the caller may not know of it"));
    }
    if method != Method::GET {
        failures.push((
            StatusCode::CONFLICT,
            "What it is about is in a state that does not allow this, or another was faster",
        ));
    }
    if method != Method::GET {
        failures.extend([
            (StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time"),
            (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not of this type"),
            (StatusCode::UNPROCESSABLE_ENTITY, "A value in the body is not acceptable"),
        ]);
    }
    for (status, description) in failures {
        let failure = ResponseBuilder::new().description(description).content("application/json", failure());
        match operation.responses.responses.entry(status.as_str().to_owned()) {
            Entry::Vacant(place) => drop(place.insert(RefOr::T(failure.build()))),
            Entry::Occupied(mut known) => {
                if let RefOr::T(known) = known.get_mut() {
                    add_failure(known);
                }
            }
        }
    }
}

/// What is the same for all who ask twice: a change is made once, and an answer that is known is not sent again.
fn repeat(item: &mut PathItem) {
    let header = |name: HeaderName, about: &str| {
        let header = ParameterBuilder::new().name(name.as_str()).parameter_in(ParameterIn::Header);
        let text = Object::with_type(Type::String);
        RefOr::T(header.required(Required::False).description(Some(about)).schema(Some(text)).build())
    };
    if let Some(operation) = &mut item.post {
        let about = "1 to 255 visible ASCII characters of the caller's choice: who asks again under the same key within a day gets \
                     the first answer again, and nothing is done twice. With another body 422";
        operation.parameters.get_or_insert_default().push(header(idempotency::KEY, about));
    }
    let Some(operation) = &mut item.get else { return };
    let answers = &mut operation.responses.responses;
    if let Some(RefOr::T(answer)) = answers.get("200")
        && answer.content.contains_key("application/json")
    {
        let about = "The answer is still the one with a tag in `If-None-Match`";
        let mut same = ResponseBuilder::new().description(about).build();
        same.headers.clone_from(&answer.headers);
        answers.insert("304".to_owned(), RefOr::T(same));
        operation.parameters.get_or_insert_default().push(header(IF_NONE_MATCH, "`ETag` of an answer that is known"));
    }
}

/// Says what can be asked about a ticket once one is open: for programs that find their way by the document.
fn link_tickets(paths: &mut Paths) {
    let of_ticket = paths.paths.iter().filter(|(path, _)| path.starts_with(TICKET));
    let known = of_ticket.flat_map(|(_, item)| operations(item));
    let known: Vec<String> = known.filter_map(|(_, operation)| operation.operation_id.clone()).collect();
    let opening = paths.paths.get_mut(TICKETS).and_then(|item| item.post.as_mut());
    let answers = opening.into_iter().flat_map(|operation| operation.responses.responses.iter_mut());
    for (status, answer) in answers {
        let RefOr::T(answer) = answer else { continue };
        if !status.starts_with('2') {
            continue;
        }
        for operation in &known {
            let link = Link::builder().operation_id(operation).parameter("id", "$response.body#/ticket_id");
            answer.links.insert(operation.clone(), RefOr::T(link.build()));
        }
    }
}

/// A route with words of its own for a status may answer in those of all routes, too.
fn add_failure(answer: &mut Response) {
    let ours = RefOr::Ref(Ref::from_schema_name(Envelope::name()));
    for content in answer.content.values_mut() {
        let RefOr::T(content) = content else { continue };
        if let Some(own) = content.schema.take_if(|own| *own != ours) {
            content.schema = Some(RefOr::T(Schema::AnyOf(AnyOfBuilder::new().item(own).item(ours.clone()).build())));
        }
    }
}

fn failure() -> Content {
    Content::new(Some(Ref::from_schema_name(Envelope::name())))
}
