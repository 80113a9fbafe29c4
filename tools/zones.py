"""Writes src/desk/zones.txt, the time zones the Worker knows, from the IANA database.

    pip install tzdata && python3 tools/zones.py > src/desk/zones.txt

The package carries the database of the day, links included. Run it again when IANA publishes a change.
The format is explained at the top of the file it writes and read by src/desk/zone.rs.
"""

import collections
import datetime
import importlib.resources
import re
import struct

import tzdata

FIRST = 1577836800  # 2020-01-01: nothing in the desk is older, so older offsets are not kept
LAST = 2524608000  # 2050-01-01: Morocco publishes its dates up to 2087
DAY = 86400

HEADER = """\
# IANA time zones {version}, written by tools/zones.py. Offsets and times are minutes.
# rule TAB exceptions TAB names. A rule is the standard offset, and where summer time is kept its offset,
# its beginning and its end as month.week.weekday/minute (week 5 is the last, weekday 0 is Sunday; wall time).
# An exception `minute:offset` says: before that minute since 1970 (and after the exception before it)
# the offset is that, whatever the rule says. The first one also stands for everything before 2020.
"""


def tzif(data):
    """The transitions [(second, offset)], the offset before them, and the footer rule of a TZif file."""
    def counts(at):
        return struct.unpack(">6l", data[at + 20 : at + 44])

    isut, isstd, leap, times, types, chars = counts(0)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + isstd + isut
    isut, isstd, leap, times, types, chars = counts(at)
    at += 44
    moments = struct.unpack(f">{times}q", data[at : at + times * 8])
    kinds = data[at + times * 8 : at + times * 9]
    at += times * 9
    offsets = [struct.unpack(">l", data[at + 6 * i : at + 6 * i + 4])[0] for i in range(types)]
    footer = data[at + types * 6 + chars + leap * 12 + isstd + isut :].decode().strip()
    return [(t, offsets[k]) for t, k in zip(moments, kinds)], offsets[0], footer


NAME, TIME = r"(?:<[^>]+>|[A-Za-z]+)", r"([+-]?\d+)(?::(\d+))?"
POSIX = re.compile(rf"^{NAME}{TIME}(?:{NAME}(?:{TIME})?(?:,M(\d+\.\d+\.\d+)(?:/{TIME})?,M(\d+\.\d+\.\d+)(?:/{TIME})?))?$")


def minutes(hours, rest, default=0):
    if hours is None:
        return default
    return int(hours) * 60 + (-1 if hours.startswith("-") else 1) * int(rest or 0)


def rule_of(footer):
    """A POSIX TZ string as (standard, summer or None, begin, end); POSIX counts offsets westwards."""
    got = POSIX.match(footer).groups()
    standard = -minutes(*got[0:2])
    if got[4] is None:
        return (standard, None, None, None)
    begin = (*map(int, got[4].split(".")), minutes(*got[5:7], default=120))
    end = (*map(int, got[7].split(".")), minutes(*got[8:10], default=120))
    return (standard, -minutes(*got[2:4], default=-(standard + 60)), begin, end)


def wall(year, month, week, weekday, minute):
    """The wall time of a rule's moment, in seconds since 1970."""
    if week == 5:
        following = datetime.date(year + month // 12, month % 12 + 1, 1)
        last = following - datetime.timedelta(1)
        day = last - datetime.timedelta((last.isoweekday() - weekday) % 7)
    else:
        first = datetime.date(year, month, 1)
        day = first + datetime.timedelta((weekday - first.isoweekday()) % 7 + 7 * (week - 1))
    return (day - datetime.date(1970, 1, 1)).days * DAY + minute * 60


def by_rule(rule, second):
    standard, summer, begin, end = rule
    if summer is None:
        return standard * 60
    year = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=second + standard * 60)).year
    start, stop = wall(year, *begin) - standard * 60, wall(year, *end) - summer * 60
    inside = start <= second < stop if start < stop else not stop <= second < start
    return (summer if inside else standard) * 60


def zone(data):
    """The rule, and the exceptions [(until, offset)] that the rule does not tell."""
    transitions, before, footer = tzif(data)
    rule = rule_of(footer)
    spans, offset = [], before
    for second, after in transitions:
        if FIRST < second < LAST:
            spans.append((second, offset))
        offset = after if second < LAST else offset
    starts = [FIRST] + [second for second, _ in spans]
    while spans and all(
        by_rule(rule, second) == spans[-1][1] for second in range(starts[len(spans) - 1], spans[-1][0], 900)
    ):
        spans.pop()
    return rule, tuple(spans)


def main():
    root = importlib.resources.files("tzdata")
    lines = collections.defaultdict(list)
    for name in root.joinpath("zones").read_text().split():
        if name != "Factory":
            lines[zone(root.joinpath("zoneinfo", *name.split("/")).read_bytes())].append(name)
    print(HEADER.format(version=tzdata.IANA_VERSION), end="")
    for (rule, spans), names in sorted(lines.items(), key=lambda line: (line[0][0][0], line[1][0])):
        standard, summer, begin, end = rule
        text = str(standard)
        if summer is not None:
            text += f" {summer} " + " ".join(f"{m}.{w}.{d}/{at}" for m, w, d, at in (begin, end))
        exceptions = " ".join(f"{second // 60}:{offset // 60}" for second, offset in spans)
        print(text, exceptions, " ".join(sorted(names)), sep="\t")


main()
