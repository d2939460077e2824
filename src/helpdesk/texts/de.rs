//! German.

use super::Text;

pub(super) fn text(text: Text) -> &'static str {
    match text {
        Text::Greeting => "",
        Text::HandOff => "Ein Mensch wird Ihnen hier antworten. {queue} {hours}",
        Text::Failure => {
            "Entschuldigung, das kann ich gerade nicht beantworten. Ein Mensch wird Ihnen hier antworten. {queue} \
             {hours}"
        }
        Text::Queue => "Vor Ihnen in der Warteschlange: {ahead}.",
        Text::NextInLine => "Sie sind als Nächstes an der Reihe.",
        Text::Hours => "Unsere Zeiten: {hours}.",
        Text::OutOfHours => "Wir haben gerade geschlossen und sind {opening} wieder da. Unsere Zeiten: {hours}.",
        Text::Closed => "Wir haben gerade geschlossen.",
        Text::NobodyOnDuty => "Im Moment ist niemand im Dienst; es kann also etwas dauern.",
        Text::Today => "heute um {time} Uhr",
        Text::Tomorrow => "morgen um {time} Uhr",
        Text::OnWeekday => "am {weekday} um {time} Uhr",
        Text::OnDate => "am {weekday}, {day}.{month}.{year}, um {time} Uhr",
        Text::Days => "Mo Di Mi Do Fr Sa So",
        Text::Weekdays => "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
        Text::Nudge => {
            "Hat das geholfen? Wenn Sie noch etwas brauchen, schreiben Sie einfach. Sonst schließe ich Ihr Anliegen als \
             erledigt ab."
        }
        Text::ResolvedIdle => {
            "Ich habe nichts mehr von Ihnen gehört und Ihr Anliegen als erledigt abgeschlossen. Sie können jederzeit \
             wieder schreiben."
        }
        Text::Resolved => {
            "Ihr Anliegen ist als erledigt abgeschlossen. Wenn noch etwas offen ist, schreiben Sie einfach."
        }
        Text::ResolvedByYou => {
            "Als erledigt abgeschlossen. Vielen Dank! Wenn noch etwas offen ist, schreiben Sie einfach."
        }
        Text::Released => {
            "Sie sprechen jetzt wieder mit dem Assistenten. Wenn Sie einen Menschen möchten, sagen Sie es jederzeit."
        }
        Text::Encrypted => {
            "Ich kann verschlüsselte Nachrichten nicht lesen. Bitte schalten Sie die Verschlüsselung (OMEMO oder \
             OpenPGP) für diesen Chat aus und schreiben Sie noch einmal: Ihre Nachricht hat uns nicht erreicht."
        }
        Text::TooFast => {
            "Das waren mehr als {limit} Nachrichten in einer Minute. Bitte warten Sie eine Minute: Was Sie bis dahin \
             schreiben, erreicht uns nicht."
        }
        Text::TooManyTickets => {
            "Sie haben heute {limit} Gespräche begonnen; mehr nehmen wir an einem Tag nicht an. Bitte schreiben Sie \
             morgen wieder: Diese Nachricht hat uns nicht erreicht."
        }
        Text::NewTicket => "Das ist ein neues Gespräch. Worum geht es?",
        Text::NoTicket => "Es ist kein Gespräch offen. Schreiben Sie einfach, um eines zu beginnen.",
        Text::NoModel => "Hier ist kein Sprachmodell eingerichtet; ich zitiere deshalb unsere Hilfeseiten.",
        Text::Hello => "Guten Tag! Was kann ich für Sie nachschlagen?",
        Text::Welcome => "Gern geschehen!",
        Text::NothingFound => "Dazu habe ich nichts gefunden. Ein Mensch wird Ihnen hier antworten.",
        Text::StatusAway => "Gerade ist kein Mensch da; der Assistent antwortet.",
        Text::StatusOff => "Gerade ist niemand da. Hinterlassen Sie eine Nachricht: Sie wird gelesen.",
    }
}
