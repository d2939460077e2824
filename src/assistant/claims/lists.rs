//! The words by which [`claims`](super) tells sentences apart: `a|b|c`, in lower case and with plain apostrophes.

use std::sync::LazyLock;

use regex::Regex;

/// How questions and requests begin that have no question mark.
pub(super) const ASKS: &str = "how|what|when|where|which|who|whose|why|can|could|do|does|did|is|are|may|will|would|tell|show|give|send|list|\
    explain|write|translate|describe|name|wie|was|wann|wo|welche|welcher|welches|wer|warum|kann|können|könnt|gibt|\
    ist|sind|habt|haben|sag|sagen|zeig|zeigen|nenne|nennen|schick|schicken|gib|geben|erkläre|schreib|comment|\
    quand|combien|quel|quelle|pourquoi|puis|dites|donnez|envoyez|montrez|cómo|cuándo|dónde|cuánto|cuál|puedo|dime|\
    dame|hoe|wat|wanneer|waar|welke|waarom|kan|kunnen";

/// What is said for politeness' sake: the beginnings of such sentences.
pub(super) const COURTESY: &str = "thank|sorry|i'm sorry|i am sorry|i apologi|my apologies|you're welcome|you are welcome|my pleasure|glad|\
    happy to|good luck|hello|hi|hey|welcome|good morning|good afternoon|good evening|please|i understand|i see|\
    got it|have a |take care|enjoy|let me know|feel free|i can help|i'd be |i would be |i'm happy|i am happy|\
    i'm here|i am here|goodbye|bye|to help you|just |danke|vielen dank|gern|bitte|hallo|guten|entschuldig|\
    es tut mir leid|tut mir leid|das tut mir leid|ich verstehe|alles gute|viel |schönen |auf wiedersehen|tschüss|\
    merci|bonjour|bonsoir|désolé|je suis désolé|je comprends|avec plaisir|de rien|bonne |au revoir|\
    s'il vous plaît|gracias|hola|buenos|buenas|lo siento|entiendo|de nada|con gusto|por favor|adiós|dank|bedankt|\
    graag|het spijt me|ik begrijp|alstublieft|tot ziens";

/// Thanks and welcomes, which may speak of the company: "Thank you for writing to our shop".
pub(super) const THANKS: &str =
    "thank|welcome|danke|vielen dank|willkommen|merci|bienvenue|gracias|bienvenid|dank|bedankt|welkom";

/// A few words that stand alone.
pub(super) const ALONE: &str = "ok|okay|great|sure|of course|certainly|no problem|alright|good|perfect|understood|natürlich|klar|gut|\
    verstanden|kein problem|bien sûr|d'accord|claro|por supuesto|vale|natuurlijk|prima|begrepen";

/// The assistant says what it cannot do or does not know. What the company does or does not do is a statement, also beside it.
pub(super) const DECLINES: &str = "i cannot|i can't|i can not|i can only|i am not|i'm not|i am unable|i'm unable|i do not|i don't|i won't|\
    i will not|i could not|i couldn't|i must not|i have no|ich kann|kann ich|ich darf|darf ich|ich weiß|weiß ich|\
    ich habe keine|habe ich keine|je ne |je n'|no puedo|no tengo|no sé|ik kan|kan ik|ik weet|ik heb geen";

/// Who speaks for the company.
pub(super) const COMPANY: &str = "we|we're|we've|we'll|our|yes|no|wir|unser|unsere|unseren|unserer|ja|nein|nous|notre|nos|oui|non|nosotros|\
    nuestro|nuestra|sí|wij|onze|nee";

/// How an answer begins that says one of them.
pub(super) const YES_OR_NO: &str = "yes|no|ja|nein|oui|non|sí|nee|tak|nie|sì";

/// The company as the one who acts.
pub(super) const WE: &str = " we | wir | nous | wij ";

/// What will be done, or has been: nobody does it.
pub(super) const WILL: &str = "we will|we'll|i will|i'll|i am going to|i'm going to|has been |have been |i've |i have |we've |we have |ich habe |wir haben |wir werden|werden wir|ich werde|\
    werde ich|wurde genehmigt|wurde erstattet|wurde storniert|nous allons|je vais|a été |vamos a|voy a|ha sido|\
    zullen we|we zullen|wij zullen|ik zal";

/// What the assistant may announce: to answer, to stay, to pass on.
pub(super) const MAY_WILL: &str = "help|assist|happy|glad|be here|connect|hand you|hand this|pass |transfer|try|not |helfen|verbinden|\
    weiterleiten|leite|aider|ayud|helpen";

/// What does harm when it is made up.
pub(super) const RISKY: &str = "refund|money|approved|granted|guarantee|for free|is free|are free|discount|transfer |password|card number|credit card|\
    bank account|poison|toxic|cure|recalled|erstatt|geld|genehmigt|garantier|kostenlos|gratis|rabatt|überweis|passwort|\
    giftig|heilt|zurückgerufen|rembours|argent|approuvé|garanti|gratuit|virement|mot de passe|toxique|reembols|dinero|\
    aprobad|garantiz|descuento|transferencia|contraseña|tóxic|terugbetal|korting|wachtwoord";

/// More words than this are more than courtesy.
pub(super) const LONG: usize = 16;

/// A person comes.
pub(super) const PASSES_ON: &str = "a colleague|a person|somebody|someone|hand you|hand this|handing|connect|pass this|pass you|passing|\
    ein kollege|eine kollegin|kollegen|ein mensch|weiterleit|un collègue|une personne|un compañero|una persona|\
    een collega|een medewerker";

/// A statement in the dress of a question.
pub(super) const TOLD_AS_QUESTION: &str =
    "did you know|do you know that|wussten sie|weißt du|wusstest du|saviez-vous|sabía|wist je|wist u";

/// The assistant says that it is a person.
pub(super) const PERSON: &str = "i'm a human|i am a human|i'm human|i am human|i'm a person|i am a person|i'm a real|i am a real|i'm not a bot|\
    i am not a bot|i'm not an ai|i am not an ai|i'm not a robot|i am not a robot|ich bin ein mensch|\
    ich bin kein bot|je suis un humain|je suis une personne|soy un humano|soy humano|soy una persona|\
    ik ben een mens";

/// The same with a few words between: "I'm indeed a human", "you are talking to a real person".
pub(super) static IS_PERSON: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let (who, what) = (
        r"(?:\bi'?m|\bi am|\bas|\bthis is|\btalking (?:to|with)|\bspeaking (?:to|with)|\bich bin|\bje suis|\bsoy|\bjestem|\bя)",
        r"(?:human|person|man|woman|mensch|humain|humano|człowiekiem|człowiek|человек)\b",
    );
    Regex::new(&format!(r"{who} (?:(?:a|an|ein|eine|un|une|una|indeed|really|truly|actually|real|living|wirklich|vraie?|real) ){{0,3}}{what}")).ok()
});

/// A name in an introduction.
pub(super) static NAMED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\b(?:[Tt]his is|[Hh]ier ist|[Ii]ci|[Aa]quí) (\p{Lu}\p{Ll}+)\b").ok());

/// How one introduces oneself.
pub(super) const I_AM: &str =
    "i'm |i am |my name is |ich bin |mein name ist |ich heiße |je m'appelle |me llamo |soy |ik ben ";
