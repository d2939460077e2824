//! `/api/v1/xmpp/desks/{desk}/knowledge`: a desk's pages, for its agents to read and search and for admins to change.

use axum::{
    Json,
    extract::{Path, Request, State},
    http::StatusCode,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Api, ApiError, BODY_TIMEOUT,
    extract::{self, OfDesk, Parameters},
    list,
};
use crate::{
    helpdesk::Caller,
    knowledge::{Audience, EditError, Hit, Knowledge, PageInfo, PagePath, Shelf},
};

/// Hits when the caller does not say.
const HITS: u64 = 5;
/// The most hits.
const MOST: u64 = 50;

#[derive(Serialize, ToSchema)]
pub(super) struct KnowledgeOut {
    pages: Vec<PageOut>,
    /// Files that could not be used, which nobody finds.
    skipped: Vec<SkippedOut>,
    /// Whether questions are compared by meaning, not by words alone.
    by_meaning: bool,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PageOut {
    path: String,
    title: String,
    url: Option<String>,
    tags: Vec<String>,
    language: Option<String>,
    /// `customers` or `agents`.
    audience: &'static str,
    passages: usize,
}

#[derive(Serialize, ToSchema)]
struct SkippedOut {
    path: String,
    reason: String,
}

impl KnowledgeOut {
    fn new(knowledge: &Knowledge) -> Self {
        let skipped = knowledge.skipped().iter();
        Self {
            pages: knowledge.pages().iter().map(PageOut::from).collect(),
            skipped: skipped
                .map(|skipped| SkippedOut { path: skipped.page.clone(), reason: skipped.reason.clone() })
                .collect(),
            by_meaning: knowledge.has_vectors(),
        }
    }
}

impl From<&PageInfo> for PageOut {
    fn from(page: &PageInfo) -> Self {
        Self {
            path: page.path.clone(),
            title: page.title.clone(),
            url: page.url.clone(),
            tags: page.tags.clone(),
            language: page.language.clone(),
            audience: page.audience.as_str(),
            passages: page.passages,
        }
    }
}

/// A page that a path names.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub(super) struct PageOfDesk {
    /// The desk's name.
    desk: String,
    /// Where the page is in the desk's folder.
    path: String,
}

/// The desk's shelf, for those who answer there.
fn shelf<'a>(api: &'a Api, caller: &Caller, desk: &str) -> Result<&'a Shelf, ApiError> {
    caller.require_desk(desk)?;
    api.library.shelf(desk).ok_or_else(|| EditError::NoFolder.into())
}

/// The pages that a desk answers from.
#[utoipa::path(
    get, path = "/api/v1/xmpp/desks/{desk}/knowledge", operation_id = "knowledge_list", tag = "knowledge",
    params(OfDesk),
    responses((status = 200, description = "All pages", body = KnowledgeOut))
)]
pub(super) async fn list(
    State(api): State<Api>,
    caller: Caller,
    Path(OfDesk { desk }): Path<OfDesk>,
) -> Result<Json<KnowledgeOut>, ApiError> {
    Ok(Json(KnowledgeOut::new(&shelf(&api, &caller, &desk)?.current())))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct SearchQuery {
    q: String,
    audience: Option<String>,
    /// How many at most.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 50)]
    limit: Option<String>,
}

impl SearchQuery {
    fn audience(&self) -> Result<Audience, ApiError> {
        let Some(word) = &self.audience else { return Ok(Audience::Agent) };
        Audience::from_word(word).ok_or_else(|| ApiError::bad_parameter("audience", "must be customer or agent"))
    }

    fn limit(&self) -> Result<usize, ApiError> {
        let limit = list::limit(self.limit.as_deref(), HITS, MOST)?;
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct ResultsOut {
    /// Whether the first hit counts as an answer: what the assistant goes by.
    found: bool,
    hits: Vec<HitOut>,
}

#[derive(Serialize, ToSchema)]
struct HitOut {
    path: String,
    title: String,
    url: Option<String>,
    text: String,
    score: f32,
    /// The cosine; null when words alone were compared.
    similarity: Option<f32>,
    coverage: f32,
}

impl From<Hit> for HitOut {
    fn from(hit: Hit) -> Self {
        let Hit { passage, score, similarity, coverage } = hit;
        Self {
            path: passage.page.clone(),
            title: passage.title.clone(),
            url: passage.url.clone(),
            text: passage.text.clone(),
            score,
            similarity,
            coverage,
        }
    }
}

/// What the assistant would find.
#[utoipa::path(
    get, path = "/api/v1/xmpp/desks/{desk}/knowledge/search", operation_id = "knowledge_search", tag = "knowledge",
    params(OfDesk, SearchQuery),
    responses((status = 200, description = "The best passages", body = ResultsOut))
)]
pub(super) async fn search(
    State(api): State<Api>,
    caller: Caller,
    Path(OfDesk { desk }): Path<OfDesk>,
    Parameters(query): Parameters<SearchQuery>,
) -> Result<Json<ResultsOut>, ApiError> {
    let shelf = shelf(&api, &caller, &desk)?;
    let results = shelf.search(&query.q, query.audience()?, query.limit()?).await;
    Ok(Json(ResultsOut { found: results.found, hits: results.hits.into_iter().map(HitOut::from).collect() }))
}

/// Writes a page.
#[utoipa::path(
    put, path = "/api/v1/xmpp/desks/{desk}/knowledge/{*path}", operation_id = "knowledge_put", tag = "knowledge",
    params(PageOfDesk),
    request_body(description = "The page, as Markdown, HTML or text", content_type = "text/markdown"),
    responses(
        (status = 201, description = "A new page", body = PageOut),
        (status = 200, description = "The page has other words now", body = PageOut),
    )
)]
pub(super) async fn put(
    State(api): State<Api>,
    caller: Caller,
    Path(PageOfDesk { desk, path }): Path<PageOfDesk>,
    request: Request,
) -> Result<(StatusCode, Json<PageOut>), ApiError> {
    caller.require_admin("change the knowledge")?;
    let shelf = shelf(&api, &caller, &desk)?;
    let path = page_path(&path)?;
    let bytes = extract::read(request, &api, BODY_TIMEOUT).await?;
    let is_new = shelf.put(path.clone(), bytes.to_vec()).await?;
    api.helpdesk.note_page_put(&caller, &desk, path.as_str()).await?;
    let knowledge = shelf.current();
    let page = knowledge.pages().iter().find(|page| page.path == path.as_str());
    let page = page.ok_or_else(|| ApiError::Conflict("the page was changed by somebody else meanwhile".to_owned()))?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(PageOut::from(page))))
}

/// Removes a page.
#[utoipa::path(
    delete, path = "/api/v1/xmpp/desks/{desk}/knowledge/{*path}", operation_id = "knowledge_remove", tag = "knowledge",
    params(PageOfDesk),
    responses((status = 204, description = "It is gone"))
)]
pub(super) async fn remove(
    State(api): State<Api>,
    caller: Caller,
    Path(PageOfDesk { desk, path }): Path<PageOfDesk>,
) -> Result<StatusCode, ApiError> {
    caller.require_admin("change the knowledge")?;
    let path = page_path(&path)?;
    shelf(&api, &caller, &desk)?.remove(path.clone()).await?;
    api.helpdesk.note_page_removed(&caller, &desk, path.as_str()).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn page_path(path: &str) -> Result<PagePath, ApiError> {
    PagePath::new(path).map_err(|problem| ApiError::bad_parameter("path", problem))
}

impl From<EditError> for ApiError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::NoFolder | EditError::NoPage => Self::NotFound(error.to_string()),
            EditError::Refused(_) => Self::Invalid(error.to_string()),
            EditError::Io(_) | EditError::Folder(_) | EditError::CutOff(_) => Self::Internal(error.to_string()),
        }
    }
}
