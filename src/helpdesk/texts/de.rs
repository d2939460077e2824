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
        Text::OutOfHours => "Wir haben gerade geschlossen und sind {opening} wieder da.",
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
        Text::TakenBack => {
            "Wir haben eine Nachricht zurückgenommen. Ihr Programm kann sie nicht von selbst ausblenden."
        }
        Text::TooFast => {
            "Das waren mehr als {limit} Nachrichten in einer Minute; was darüber hinausging, hat uns nicht erreicht. \
             Bitte senden Sie es in einer Minute noch einmal."
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
        Text::StillLooking => "Einen Moment bitte, ich suche noch.",
        Text::StatusAway => "Gerade ist kein Mensch da; der Assistent antwortet.",
        Text::StatusOff => "Gerade ist niemand da. Hinterlassen Sie eine Nachricht: Sie wird gelesen.",
        Text::CommandNew => "Ein neues Gespräch beginnen",
        Text::CommandTickets => "Meine Gespräche",
        Text::CommandStatus => "Wie steht es?",
        Text::CommandHuman => "Mit einem Menschen sprechen",
        Text::CommandResolve => "Als erledigt abschließen",
        Text::CommandReopen => "Erledigtes fortsetzen",
        Text::CommandExport => "Meine Daten exportieren",
        Text::CommandErase => "Meine Daten löschen",
        Text::CommandHelp => "Hilfe",
        Text::Help => {
            "Schreiben Sie einfach. Mit diesen Wörtern geht mehr:\n/mensch: mit einem Menschen sprechen\n/stand: Wie steht \
             es?\n/neu: ein neues Gespräch beginnen\n/gespräche: Ihre Gespräche\n/erledigt: als erledigt \
             abschließen\n/fortsetzen: Erledigtes wieder aufnehmen\n/daten: alles, was Sie und wir geschrieben \
             haben\n/löschen: alles davon löschen\n/hilfe: diese Liste"
        }
        Text::UnknownWord => "/{word} kenne ich nicht. /hilfe zeigt, was ich kenne.",
        Text::UnknownNear => "/{word} kenne ich nicht. Meinten Sie /{near}? /hilfe zeigt, was ich kenne.",
        Text::Reopened => "„{subject}“ ist wieder offen. Was fehlt noch?",
        Text::ReopenRuns => "„{subject}“ ist offen. Schreiben Sie einfach.",
        Text::ReopenTooLate => {
            "Es gibt nichts, was sich fortsetzen ließe. Schreiben Sie einfach, um ein neues Gespräch zu beginnen."
        }
        Text::AskedForPerson => "Erledigt. Ein Mensch wird Ihnen im Chat antworten.",
        Text::WithPerson => "Ein Mensch kümmert sich schon um Ihr Anliegen und wird Ihnen hier antworten.",
        Text::NoTickets => "Sie haben keine Gespräche mit uns.",
        Text::TicketLine => "{date}: {subject} ({status})",
        Text::MoreTickets => "Es gibt auch noch ältere.",
        Text::Standing => "„{subject}“: {status}. {wait}",
        Text::IsOpen => "wir schulden Ihnen eine Antwort",
        Text::IsPending => "wartet auf Sie",
        Text::IsEscalated => "wartet auf einen Menschen",
        Text::IsResolved => "erledigt",
        Text::IsClosed => "abgeschlossen",
        Text::EraseWarning => {
            "Das löscht alle Ihre Gespräche mit allen unseren Adressen, für Sie und für uns. Es lässt sich nicht rückgängig machen."
        }
        Text::EraseHow => "Wenn Sie sicher sind, schreiben Sie: /löschen ja",
        Text::EraseYes => "Ja, alles löschen",
        Text::EraseNot => "Es wurde nichts gelöscht.",
        Text::Erased => "Alles ist gelöscht. Gespräche: {count}.",
        Text::ExportSent => "Das ist viel: Es kommt als Nachrichten im Chat.",
        Text::ExportSoon => {
            "Sie haben eben erst alles bekommen, oder es ist unterwegs. Bitte fragen Sie in fünf Minuten noch einmal."
        }
        Text::ExportCut => "Es ist mehr, als in einen Chat passt. Bitte fragen Sie uns nach dem Rest.",
        Text::FieldMessage => "Worum geht es?",
        Text::FieldReason => "Warum? (kann leer bleiben)",
        Text::CommandFailed => "Entschuldigung, das hat nicht geklappt. Bitte versuchen Sie es später noch einmal.",
        Text::RoomInvitation => "{agent} lädt Sie in einen Raum ein, um dort zu sprechen: xmpp:{room}?join",
        Text::RoomClosed => "Dieses Gespräch ist beendet. Vielen Dank!",
        Text::FileRefused => {
            "{file} hat uns nicht erreicht: vielleicht zu groß, verschlüsselt, von einer Art, die wir nicht annehmen, oder für uns nicht abrufbar. Bitte schicken Sie sie anders, oder schreiben Sie uns, was darin steht."
        }
        Text::Goodbye => "Auf Wiedersehen!",
        Text::Noted => "Gut. Wenn noch etwas ist, schreiben Sie einfach.",
        Text::AskMeMeanwhile => "Mit /neu können Sie mich etwas anderes fragen; diese Frage wartet dann nicht mehr.",
        Text::NewInstead => {
            "Das ist ein neues Gespräch; „{subject}“ wartet nicht mehr auf einen Menschen. Worum geht es?"
        }
        Text::NewAbout => "Das ist ein neues Gespräch.",
        Text::NoLongerWaits => "„{subject}“ wartet nicht mehr auf einen Menschen.",
        Text::StandsAlone => {
            "Hinter /{word} steht nichts; das hat uns also nicht erreicht. Schreiben Sie /{word} allein, oder Ihre Nachricht ohne den Schrägstrich."
        }
        Text::Doubted => "Schade, dass das nicht geholfen hat. Ein Mensch sieht es sich an.",
        Text::NoSubject => "ein Gespräch noch ohne Frage",
        Text::YourFile => "Ihre Datei",
        Text::Date => "{day}.{month}.{year}",
    }
}
