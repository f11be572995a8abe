"""Writes what ``day.py`` found as a page of tables."""

from day_world import SERVERS, TASKS, TROUBLES


def page(rows, made_by, prices):
    """The generated page: ``made_by`` says how, ``prices`` are the usual ones of the servers."""
    lines = [
        "# Strategies over a day",
        "",
        f"Written by {made_by}.",
        "What it means, and what it does not, is in [strategies](strategies.md#over-a-day).",
        "",
        "![cost and latency of each strategy, and its latency over the day](strategies-day.svg)",
        "",
        *table(
            *("strategy", "USD", "p50, s", "p99, s", "p99 in the troubles, s", "failed"),
            *("attempts a request", "circuits opened", "sensitive ones sent out"),
        ),
    ]
    lines += [
        f"| {named(one)} | {one['usd']:,.2f} | {one['p50']:.1f} | {one['p99']:.1f} |"
        f" {one['p99_trouble']:.1f} | {one['failed']} | {one['attempts']:.3f} |"
        f" {one['opened']} | {one['leaked']} |"
        for one in rows
    ]
    names = [server.model for server in SERVERS]
    lines += ["", "Who answered, in % of all requests:", "", *table("strategy", *names)]
    for one in rows:
        shares = " | ".join([f"{share * 100:.1f}" for share in one["shares"]])
        lines.append(f"| {named(one)} | {shares} |")
    told = (
        "The deployments, as `ordered` tries them. Prices are the catalogue's, the rest is made up:"
    )
    lines += [
        "",
        told,
        "",
        *table(
            *("deployment", "USD a million tokens, 3 read for 1 written", "starts after, s"),
            *("tokens read a second", "written", "at once", "trouble"),
        ),
    ]
    for server, price in zip(SERVERS, prices, strict=True):
        trouble = next((one for one in TROUBLES if one.model == server.model), None)
        told = (
            f"{trouble.kind}, {clock(trouble.begins_h)}-{clock(trouble.ends_h)}" if trouble else ""
        )
        lines.append(
            f"| {server.provider}/{server.model} | {price / 10**12:g} | {server.start_s} |"
            f" {server.read_per_s:,} | {server.write_per_s} | {server.at_once or 'any'} | {told} |"
        )
    heads = table("task", "share", "tokens read, median", "written, median", "cap")
    lines += ["", *heads]
    for name, task in TASKS.items():
        lines.append(
            f"| {name} | {task.share:.0%} | {task.read:,} | {task.written:,} | {task.cap:,} |"
        )
    return "\n".join([*lines, ""])


def clock(hour):
    return f"{int(hour):02}:{round(hour % 1 * 60):02}"


def table(*heads):
    """The first lines of a table."""
    return "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"


def named(row):
    return "`" + row["strategy"].replace("|", "\\|") + "`"
