# SPDX-License-Identifier: Apache-2.0
"""Ordinary letters of people, German and English, made here: nothing in them was ever sent.

letters(n) gives n of them, always the same. Programs, topics, lengths, attachments, quoting and
small untidiness (no subject, capitals, HTML alone, a bare link) vary. None of them may be junk to a
server that was never trained.
"""

import datetime
import pathlib
import random
from email.message import EmailMessage
from email.utils import format_datetime

PEOPLE = [
    ("Anna Berger", "anna.berger@posteingang.example"),
    ("Jörg Müßig", "joerg@muessig.example"),
    ("Tom Whitfield", "tom.whitfield@mail.example.com"),
    ("Ayşe Yılmaz", "ayse.yilmaz@uni.example"),
    ("", "hausverwaltung@linden-hof.example"),
    ("Dr. med. Karin Sommer", "praxis@dr-sommer.example"),
    ("Oma Gerda", "gerda1941@alte-post.example"),
    ("Małgorzata", "gosia@poczta.example"),
    ("TSV Neustadt, Abteilung Turnen", "turnen@tsv-neustadt.example"),
    ("maria", "m.rossi77@posta.example"),
    ("Peter O'Brien", "peter.obrien@work.example.org"),
    ("Lisa-Marie (Elternbeirat)", "elternbeirat4b@grundschule.example"),
]
PROGRAMS = [
    "Mozilla Thunderbird",
    "Apple Mail (2.3774.300.61.1.2)",
    "Microsoft Outlook 16.0",
    "iPhone Mail (20G75)",
    "Roundcube Webmail/1.6.5",
    "K-9 Mail for Android",
    "Mutt/2.2.9 (2022-11-12)",
    None,
]
HERE = pathlib.Path(__file__).resolve().parent
TOPICS = {"de": [], "en": []}  # (subject, sentence)
for line in (HERE / "topics.txt").read_text(encoding="utf-8").splitlines():
    code, title, words = line.split("|")
    TOPICS[code].append((title, words))
OPENINGS = {
    "de": ["Hallo", "Liebe Leute", "Sehr geehrte Damen und Herren", "Hi", "Moin"],
    "en": ["Hi", "Dear all", "Hello", "Dear Ms Smith", ""],
}
CLOSINGS = {
    "de": ["Viele Grüße", "Liebe Grüße", "Mit freundlichen Grüßen", "LG", "Bis bald"],
    "en": ["Best wishes", "Cheers", "Kind regards", "Love", "Thanks"],
}
OFFICE = "vnd.openxmlformats-officedocument"
FILES = [
    ("Rechnung.pdf", "application", "pdf"),
    ("IMG_2041.jpg", "image", "jpeg"),
    ("Protokoll.docx", "application", OFFICE + ".wordprocessingml.document"),
    ("termin.ics", "text", "calendar"),
    ("Übersicht 2026.xlsx", "application", OFFICE + ".spreadsheetml.sheet"),
    ("fix.patch", "text", "x-diff"),
    ("fotos.zip", "application", "zip"),
]
LINKS = [
    "https://www.fahrplan.example/verbindung?von=A&nach=B",
    "https://photos.example.com/album/8f3",
    "http://www.linden-hof.example/",
]
WHEN = datetime.datetime(2026, 9, 1, 8, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))


def text_of(rnd, language, person):
    """(subject, plain text) of one letter."""
    topics = rnd.sample(TOPICS[language], rnd.choice([1, 1, 2, 3]))
    lines = [f"{rnd.choice(OPENINGS[language])},".lstrip(","), ""]
    for _subject, sentence in topics:
        lines += [sentence[0].upper() + sentence[1:], ""]
    if rnd.random() < 0.2:
        lines += [rnd.choice(LINKS), ""]
    lines += [rnd.choice(CLOSINGS[language]), person[0].split()[0] if person[0] else "", ""]
    if rnd.random() < 0.3:
        lines += [
            "-- ",
            person[0] or "Verwaltung",
            f"Telefon 0{rnd.randint(1000000, 9999999)}",
            "",
        ]
    return topics[0][0], "\r\n".join(lines)


def html_of(text):
    body = "".join(f"<div>{line or '<br>'}</div>" for line in text.split("\r\n"))
    head = '<head><meta charset="utf-8"></head><body style="font-family:sans-serif">'
    return f"<html>{head}{body}</body></html>"


def untidy(rnd, subject):
    """What people do to subjects."""
    kind = rnd.random()
    if kind < 0.04:
        return ""
    if kind < 0.07:
        return subject.upper()
    if kind < 0.3:
        return f"Re: {subject}"
    if kind < 0.36:
        return f"Fwd: {subject}"
    return subject + ("!!" if kind > 0.97 else "")


def letter(rnd, number):
    language = rnd.choice(["de", "de", "en"])
    person, to = rnd.sample(PEOPLE, 2)
    subject, text = text_of(rnd, language, person)
    if rnd.random() < 0.03:
        text = rnd.choice(LINKS) + "\r\n"
    m = EmailMessage()
    m["From"] = f'"{person[0]}" <{person[1]}>' if person[0] else person[1]
    m["To"] = to[1]
    subject = untidy(rnd, subject)
    if subject:
        m["Subject"] = subject
    m["Date"] = format_datetime(WHEN + datetime.timedelta(minutes=17 * number))
    m["Message-ID"] = f"<{rnd.getrandbits(64):x}@{person[1].split('@')[1]}>"
    if subject.startswith("Re:"):
        m["In-Reply-To"] = f"<{rnd.getrandbits(64):x}@{to[1].split('@')[1]}>"
        quoted = "\r\n".join("> " + line for line in text_of(rnd, language, to)[1].split("\r\n"))
        text += f"\r\nAm 1. September schrieb {to[0] or to[1]}:\r\n{quoted}\r\n"
    program = rnd.choice(PROGRAMS)
    if program:
        m["User-Agent" if "Mozilla" in program or "Mutt" in program else "X-Mailer"] = program
    shape = rnd.random()
    if shape < 0.08:
        m.set_content(html_of(text), subtype="html", cte="quoted-printable")
    else:
        coded = rnd.choice(["8bit", "quoted-printable", "base64"])
        m.set_content(text, cte="7bit" if text.isascii() else coded)
        if shape < 0.5:
            m.add_alternative(html_of(text), subtype="html", cte="quoted-printable")
    for name, main, sub in rnd.sample(FILES, rnd.choice([0, 0, 0, 1, 2])):
        m.add_attachment(rnd.randbytes(900), maintype=main, subtype=sub, filename=name)
    octets = m.as_bytes(policy=m.policy.clone(linesep="\r\n", max_line_length=78))
    host = person[1].split("@")[1]
    hop = (
        f"Received: from [192.168.1.{rnd.randint(2, 90)}] (unknown) by smtp.{host} (Postfix)\r\n"
        f"\twith ESMTPSA id {rnd.getrandbits(40):X};\r\n\t{m['Date']}\r\n"
    )
    return hop.encode() + octets


def letters(n):
    rnd = random.Random(20260901)
    return [letter(rnd, i) for i in range(n)]
