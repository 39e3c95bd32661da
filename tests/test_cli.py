"""The command line: results on stdout, progress on stderr, exit codes that scripts can use."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
import typer

from data411_mcp.app import open_services
from data411_mcp.cli import (
    EXIT_FAILED,
    EXIT_NEEDS_IDENTITY,
    EXIT_NOTHING_LOOKED_UP,
    EXIT_USAGE,
)
from data411_mcp.cli import app as command_line
from data411_mcp.domain.jobs import JobStatus
from data411_mcp.twins.mutate_identity import generate_identity_case
from tests.postgres import fresh_database
from tests.tools.mcp_sessions import HOOPS, ROOT, process_environment, settings

SECONDS = 90
Done = subprocess.CompletedProcess[str]


def cli(
    *words: str, data_dir: Path, world: Path | None = HOOPS, stdin: str | None = None, **env: str
) -> Done:
    return subprocess.run(
        [sys.executable, "-m", "data411_mcp", *words],
        env=process_environment(data_dir, world, **env),
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        cwd=ROOT,
    )


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A finished session of the demo's lead: its data folder and its graph."""
    folder = tmp_path_factory.mktemp("cli")
    done = cli("enrich", "--lead", str(HOOPS / "lead.json"), "--json", data_dir=folder)
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


@pytest.fixture(scope="module")
def ambiguous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world whose lead fits several companies."""
    for seed in range(40):
        folder = tmp_path_factory.mktemp("identity") / "world"
        generate_identity_case(seed, folder)
        gold = json.loads((folder / "gold.json").read_text(encoding="utf-8"))
        if gold["identity"]["decision"] == "ambiguous":
            return folder
    pytest.fail("no seed gives an ambiguous lead")


def commands() -> list[list[str]]:
    """Every command with the words that call it, those of groups too."""
    found: list[list[str]] = []
    for name, command in getattr(typer.main.get_command(command_line), "commands", {}).items():
        found.append([name])
        found += [[name, inner] for inner in getattr(command, "commands", {})]
    return sorted(found)


@pytest.mark.parametrize("words", [[], *commands()], ids=" ".join)
def test_every_command_explains_itself(tmp_path: Path, words: list[str]) -> None:
    done = cli(*words, "--help", data_dir=tmp_path)
    assert done.returncode == 0
    assert "Usage: " in done.stdout
    assert list(tmp_path.iterdir()) == []


# --- enrich --------------------------------------------------------------------------------


def test_enrich_prints_the_graph_as_json_and_progress_elsewhere(
    session: tuple[Path, dict[str, Any]],
) -> None:
    _, graph = session
    assert graph["identity"]["decision"] == "clear"
    lead = json.loads((HOOPS / "lead.json").read_text(encoding="utf-8"))
    assert lead.items() <= graph["lead"].items()
    assert any(p["value"] == "+16145550142" and p["status"] == "proven" for p in graph["phones"])


def test_enrich_reads_a_lead_from_stdin_and_prints_for_people(tmp_path: Path) -> None:
    lead = (HOOPS / "lead.json").read_text(encoding="utf-8")
    done = cli(
        "enrich", "--lead", "-", data_dir=tmp_path, stdin=json.dumps({"lead": json.loads(lead)})
    )
    assert done.returncode == 0, done.stderr
    assert "Identity: clear" in done.stdout
    assert "Dale Clark" in done.stdout
    assert "Cost: nothing is charged here" in done.stdout
    assert "Session started." in done.stderr
    assert "Session started." not in done.stdout


def test_enrich_goes_on_in_a_chat_with_the_users_words(
    session: tuple[Path, dict[str, Any]],
) -> None:
    folder, graph = session
    gap = next(g["text"] for g in graph["gaps"] if g["slot"])
    done = cli(
        "enrich", "--lead", str(HOOPS / "lead.json"), "--chat", graph["chat_session_id"],
        "--prompt", gap, "--json", data_dir=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["chat_session_id"] == graph["chat_session_id"]


def test_enrich_refuses_another_lead_in_the_same_chat(
    session: tuple[Path, dict[str, Any]],
) -> None:
    folder, graph = session
    done = cli(
        "enrich", "--lead", "-", "--chat", graph["chat_session_id"], "--json", data_dir=folder,
        stdin='{"company": "Acme Pumps", "domain": "acme.example"}',
    )  # fmt: skip
    assert done.returncode == EXIT_USAGE
    assert json.loads(done.stdout)["code"] == "MULTI_LEAD_REFUSED"
    assert "MULTI_LEAD_REFUSED" in done.stderr


def test_an_ambiguous_lead_exits_with_3_and_goes_on_with_the_choice(
    tmp_path: Path, ambiguous: Path
) -> None:
    lead = str(ambiguous / "lead.json")
    asked = cli("enrich", "--lead", lead, "--json", data_dir=tmp_path, world=ambiguous)
    assert asked.returncode == EXIT_NEEDS_IDENTITY, asked.stderr
    graph = json.loads(asked.stdout)
    assert graph["spent"]["charged_cents"] == 0
    choices = graph["identity"]["choices"]
    assert len(choices) >= 2
    chat = graph["chat_session_id"]
    wrong = cli(
        "enrich", "--lead", lead, "--chat", chat, "--choice", "nobody",
        data_dir=tmp_path, world=ambiguous,
    )  # fmt: skip
    assert wrong.returncode == EXIT_USAGE
    assert "IDENTITY_CHOICE_INVALID" in wrong.stderr
    done = cli(
        "enrich", "--lead", lead, "--chat", chat, "--choice", choices[0]["id"], "--json",
        data_dir=tmp_path, world=ambiguous,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["identity"]["decision"] == "clear"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "INVALID_LEAD"),
        ("not json", "INVALID_LEAD"),
        ("[1, 2]", "INVALID_LEAD"),
        ("{}", "INVALID_LEAD"),
        ('{"company": 7}', "INVALID_LEAD"),
        ('{"compny": "Acme Pumps"}', "company"),
        ('{"domain": "http://10.0.0.1/"}', "INVALID_LEAD"),
    ],
)
def test_a_bad_lead_is_refused_in_words_with_exit_code_2(
    tmp_path: Path, text: str, says: str
) -> None:
    done = cli("enrich", "--lead", "-", data_dir=tmp_path, stdin=text)
    assert done.returncode == EXIT_USAGE
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00{"], ids=["absent", "not UTF-8"])
def test_a_lead_file_that_cannot_be_read_is_named_as_such(
    tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "lead.json"
    if content is not None:
        file.write_bytes(content)
    done = cli("enrich", "--lead", str(file), "--json", data_dir=tmp_path / "data")
    assert done.returncode == EXIT_USAGE
    assert json.loads(done.stdout)["code"] == "INVALID_LEAD"
    assert "Traceback" not in done.stderr


# --- follow-ups and jobs -------------------------------------------------------------------


@pytest.fixture
def chat(session: tuple[Path, dict[str, Any]], tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """The finished session in a data folder of the test's own."""
    folder, graph = session
    shutil.copytree(folder, tmp_path / "data")
    return tmp_path / "data", graph


def test_a_slot_is_run_again_the_summary_is_stale_and_then_rewritten(
    chat: tuple[Path, dict[str, Any]],
) -> None:
    folder, graph = chat
    again = cli(
        "rerun", "--chat", graph["chat_session_id"], "--slot", "x-ai/grok-build-0.1", "--json",
        data_dir=folder,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    answer = json.loads(again.stdout)
    assert answer["status"] == "done"
    assert answer["cost"]["billing_mode"] == "off"
    assert answer["backfill"]["summary_markdown"] == graph["summary_markdown"]
    assert "Hunt Forge" in again.stderr
    told = cli(
        "resynthesize", "--chat", graph["chat_session_id"], "--prompt", "Phones first.",
        data_dir=folder,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert "Cost: nothing is charged here" in told.stdout


def test_slots_that_are_done_are_no_batch_and_each_is_named(
    chat: tuple[Path, dict[str, Any]],
) -> None:
    folder, graph = chat
    slots = ["data411-hunt-forge", "data411-hunt-swift"]
    words = [word for slot in slots for word in ("--slot", slot)]
    done = cli("rerun", "--chat", graph["chat_session_id"], *words, "--json", data_dir=folder)
    assert done.returncode == EXIT_USAGE
    refused = json.loads(done.stdout)
    assert refused["code"] == "SLOT_NOT_RERUNNABLE"
    assert all(slot in refused["message"] for slot in slots)
    both = cli("rerun", "--chat", "c", *words, "--refresh-summary", data_dir=folder)
    assert both.returncode == EXIT_USAGE
    assert "data411-mcp resynthesize" in both.stderr


def test_a_finding_that_was_held_back_is_investigated(
    chat: tuple[Path, dict[str, Any]],
) -> None:
    folder, graph = chat
    candidate = graph["unmerged_candidates"][0]["id"]
    done = cli(
        "investigate", "--chat", graph["chat_session_id"], "--candidate", candidate, "--json",
        data_dir=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["status"] == "done"
    unknown = cli(
        "investigate", "--chat", graph["chat_session_id"], "--candidate", "0" * 40,
        data_dir=folder,
    )  # fmt: skip
    assert unknown.returncode == EXIT_USAGE
    assert "NOT_FOUND" in unknown.stderr


def test_a_job_is_handed_in_and_waited_for(chat: tuple[Path, dict[str, Any]]) -> None:
    folder, graph = chat
    payload = json.dumps({"chat_session_id": graph["chat_session_id"]})
    route = "enrich/lead-session/synthesize-patch"
    handed = cli("job", "submit", route, "-", "--json", data_dir=folder, stdin=payload)
    assert handed.returncode == 0, handed.stderr
    job = json.loads(handed.stdout)
    assert job["status"] == "queued"
    assert job["job_id"] in job["next"]
    done = cli("job", "wait", job["job_id"], "--json", data_dir=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["job_id"] == job["job_id"]


def test_a_cancelled_job_that_is_waited_for_answers_at_once(
    chat: tuple[Path, dict[str, Any]],
) -> None:
    folder, graph = chat
    payload = json.dumps(
        {"chat_session_id": graph["chat_session_id"], "model_id": "data411-hunt-deep"}
    )
    route = "enrich/lead-session/slot-rerun"
    handed = cli("job", "submit", route, "-", "--json", data_dir=folder, stdin=payload)
    job = json.loads(handed.stdout)["job_id"]
    cancelled = cli("job", "cancel", job, "--json", data_dir=folder)
    assert cancelled.returncode == 0, cancelled.stderr
    assert json.loads(cancelled.stdout)["status"] == "cancelled"
    waited = cli("job", "wait", job, "--json", data_dir=folder)
    assert waited.returncode == EXIT_FAILED
    assert json.loads(waited.stdout)["status"] == "cancelled"


@pytest.mark.parametrize(
    ("words", "payload", "code"),
    [
        (["enrich/everything"], {}, "INVALID_ARGUMENT"),
        (["enrich/lead-session"], {"model_id": "x"}, "UNKNOWN_ARGUMENT"),
        (["enrich/lead-session", "--bill-up-to", "0.04"], {}, "INVALID_ARGUMENT"),
        (["enrich/lead-session", "--bill-up-to", "nan"], {}, "INVALID_ARGUMENT"),
    ],
    ids=["route", "payload of another route", "ceiling", "not a number"],
)
def test_a_job_that_cannot_be_is_refused_in_words(
    tmp_path: Path, words: list[str], payload: dict[str, Any], code: str
) -> None:
    route, *options = words
    done = cli(
        "job", "submit", route, "-", *options, "--json",
        data_dir=tmp_path, stdin=json.dumps(payload),
    )  # fmt: skip
    assert done.returncode == EXIT_USAGE, done.stderr
    assert json.loads(done.stdout)["code"] == code


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_worker_does_what_was_handed_in_until_it_is_told_to_stop(
    chat: tuple[Path, dict[str, Any]],
) -> None:
    folder, graph = chat
    payload = json.dumps({"chat_session_id": graph["chat_session_id"]})
    route = "enrich/lead-session/synthesize-patch"
    handed = cli("job", "submit", route, "-", "--json", data_dir=folder, stdin=payload)
    job = json.loads(handed.stdout)["job_id"]
    worker = subprocess.Popen(
        [sys.executable, "-m", "data411_mcp", "worker"],
        env=process_environment(folder),
        cwd=ROOT,
    )
    try:
        anyio.run(_until_done, folder, job)
    finally:
        worker.send_signal(signal.SIGTERM)
        code = worker.wait(timeout=SECONDS)
    assert code == 0


async def _until_done(folder: Path, job_id: str) -> None:
    async with open_services(settings(folder), works=False) as app:
        with anyio.fail_after(SECONDS):
            job = await app.runner.wait(app.tenant, job_id, seconds=SECONDS)
    assert job.status is JobStatus.DONE


# --- money and keys ------------------------------------------------------------------------


def test_credit_under_one_reference_is_posted_once(tmp_path: Path) -> None:
    words = ["credit", "--tenant", "acme", "--usd", "10.00", "--reference", "inv-1", "--json"]
    first, second = (json.loads(cli(*words, data_dir=tmp_path).stdout) for _ in range(2))
    assert (first["posted"], second["posted"]) == (True, False)
    assert first["balance_usd"] == second["balance_usd"] == 10.0
    account = json.loads(cli("account", "--tenant", "acme", "--json", data_dir=tmp_path).stdout)
    assert account["balance_usd"] == 10.0
    assert [t["kind"] for t in account["transfers"]] == ["credit"]
    other = json.loads(cli("account", "--json", data_dir=tmp_path).stdout)
    assert other["balance_usd"] == 0


def test_a_reference_credited_with_another_amount_is_refused(tmp_path: Path) -> None:
    words = ["credit", "--tenant", "acme", "--reference", "inv-1", "--json"]
    assert cli(*words, "--usd", "10.00", data_dir=tmp_path).returncode == 0
    again = cli(*words, "--usd", "20.00", data_dir=tmp_path)
    assert again.returncode == EXIT_USAGE
    assert json.loads(again.stdout)["code"] == "INVALID_ARGUMENT"


@pytest.mark.parametrize("usd", ["0", "-1", "10.005", "nan", "inf", "1e9", "ten"])
def test_credit_takes_positive_whole_cents_only(tmp_path: Path, usd: str) -> None:
    done = cli("credit", "--tenant", "acme", f"--usd={usd}", "--json", data_dir=tmp_path)
    assert done.returncode == EXIT_USAGE
    assert json.loads(done.stdout)["code"] == "INVALID_ARGUMENT"


def test_without_balance_nothing_runs_and_with_it_the_answer_says_what_is_left(
    tmp_path: Path,
) -> None:
    lead = str(HOOPS / "lead.json")
    poor = cli("enrich", "--lead", lead, "--json", data_dir=tmp_path, DATA411_BILLING="on")
    assert poor.returncode == EXIT_USAGE
    assert json.loads(poor.stdout)["billing_reason"] == "virtual_balance_insufficient"
    cli("credit", "--tenant", "local", "--usd", "10.00", data_dir=tmp_path)
    done = cli("enrich", "--lead", lead, "--budget", "5", data_dir=tmp_path, DATA411_BILLING="on")
    assert done.returncode == 0, done.stderr
    assert "Cost: $1.50 charged" in done.stdout
    assert "balance $8.50" in done.stdout


def test_a_key_is_shown_once_listed_without_its_secret_and_revoked(tmp_path: Path) -> None:
    words = ["keys", "create", "--tenant", "acme", "--name", "crm", "--scope", "enrich", "--json"]
    made = json.loads(cli(*words, data_dir=tmp_path).stdout)
    assert made["key"].startswith("411_")
    listing = cli("keys", "list", "--json", data_dir=tmp_path)
    assert made["key"] not in listing.stdout
    assert [k["id"] for k in json.loads(listing.stdout)] == [made["id"]]
    for code in (0, EXIT_USAGE):
        done = cli("keys", "revoke", made["id"], data_dir=tmp_path)
        assert done.returncode == code
    assert json.loads(cli("keys", "list", "--json", data_dir=tmp_path).stdout)[0]["revoked_at"]


def test_a_key_is_rotated_and_the_old_one_ends_with_the_grace(tmp_path: Path) -> None:
    words = ["keys", "create", "--tenant", "acme", "--name", "crm", "--scope", "enrich", "--json"]
    made = json.loads(cli(*words, data_dir=tmp_path).stdout)
    words = ["keys", "rotate", made["id"], "--grace", "24", "--json"]
    new = json.loads(cli(*words, data_dir=tmp_path).stdout)
    assert (new["replaces"], new["tenant"], new["scopes"]) == (made["id"], "acme", ["enrich"])
    assert new["key"].startswith("411_")
    assert new["key"] != made["key"]
    old, _ = cli("keys", "list", data_dir=tmp_path).stdout.splitlines()
    assert "in use until" in old
    assert cli("keys", "rotate", made["id"], data_dir=tmp_path).returncode == EXIT_USAGE


def test_a_tenant_has_one_webhook_secret(tmp_path: Path) -> None:
    words = ["keys", "webhook-secret", "--tenant", "acme"]
    first, second = (cli(*words, data_dir=tmp_path).stdout for _ in range(2))
    assert first == second
    assert first.startswith("whsec_")


# --- the others ----------------------------------------------------------------------------


def test_doctor_says_that_all_is_well_in_a_world(tmp_path: Path) -> None:
    done = cli("doctor", "--json", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    checks = {check["name"]: check for check in report["checks"]}
    assert report["ok"]
    assert checks["store"]["ok"]
    assert checks["network"]["ok"]


def test_doctor_names_what_a_missing_key_costs(tmp_path: Path) -> None:
    done = cli("doctor", data_dir=tmp_path, DATA411_TWIN_LLM_KEY="false")
    assert done.returncode == 0, done.stderr
    assert "costs: " in done.stdout
    assert "JINA_API_KEY is not set" in done.stdout


def test_doctor_says_that_a_machine_is_offline(tmp_path: Path, offline_world: Path) -> None:
    done = cli("doctor", "--json", data_dir=tmp_path, world=offline_world)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert not checks["network"]["ok"]
    assert checks["network"]["costs"]
    assert checks["store"]["ok"]


def test_enrich_without_a_network_says_so_with_exit_code_4(
    tmp_path: Path, offline_world: Path
) -> None:
    done = cli(
        "enrich", "--lead", "-", data_dir=tmp_path, world=offline_world,
        stdin='{"company": "Acme Pumps", "domain": "acme.example"}',
    )  # fmt: skip
    assert done.returncode == EXIT_NOTHING_LOOKED_UP, done.stderr
    assert "offline" in done.stdout


@pytest.fixture
def offline_world(tmp_path: Path) -> Path:
    """A world in which no name resolves, as on a machine without a network."""
    folder = tmp_path / "offline"
    folder.mkdir()
    (folder / "world.json").write_text('{"name": "offline"}', encoding="utf-8")
    names = ["www.iana.org", "one.one.one.one", "api.gleif.org", "www.wikidata.org",
             "query.wikidata.org", "www.sec.gov", "data.sec.gov", "rdap.org", "r.jina.ai",
             "api.tavily.com", "openrouter.ai"]  # fmt: skip
    rows = "\n".join(json.dumps({"name": name, "rcode": "SERVFAIL"}) for name in names)
    (folder / "dns.jsonl").write_text(rows + "\n", encoding="utf-8")
    return folder


def test_migrate_makes_the_store_and_can_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        done = cli("migrate", data_dir=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout == "Migrated data411.sqlite3.\n"
    assert (tmp_path / "data411.sqlite3").is_file()


def test_migrate_brings_a_postgresql_store_to_the_schema(tmp_path: Path) -> None:
    with fresh_database() as url:
        for _ in range(2):
            done = cli("migrate", data_dir=tmp_path, DATA411_DATABASE_URL=url)
            assert done.returncode == 0, done.stderr
            assert done.stdout == "Migrated the PostgreSQL store.\n"


def test_a_data_folder_that_cannot_be_made_is_an_error_in_words(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    done = cli("migrate", data_dir=file / "data")
    assert done.returncode == EXIT_FAILED
    assert "Traceback" not in done.stderr


def test_forget_erases_a_person_for_good(tmp_path: Path) -> None:
    lead = str(HOOPS / "lead.json")
    first = cli("enrich", "--lead", lead, "--json", data_dir=tmp_path)
    assert "Marisol Hartwell" in first.stdout
    chat = json.loads(first.stdout)["chat_session_id"]
    done = cli("forget", "--person", "Marisol Hartwell", "--json", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)
    again = cli(
        "enrich", "--lead", lead, "--chat", chat, "--refresh", "--prompt", "from scratch",
        "--json", data_dir=tmp_path,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert "Marisol" not in again.stdout


def test_forget_by_retention_counts_what_it_deleted(tmp_path: Path) -> None:
    done = cli("forget", "--retention", "--json", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(count == 0 for count in json.loads(done.stdout).values())


@pytest.mark.parametrize("words", [[], ["--person", "x", "--retention"]], ids=["none", "both"])
def test_forget_wants_a_person_or_the_retention(tmp_path: Path, words: list[str]) -> None:
    done = cli("forget", *words, data_dir=tmp_path)
    assert done.returncode == EXIT_USAGE
    assert "--person or --retention" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_twins_serve_a_world_to_another_process(tmp_path: Path) -> None:
    connection = tmp_path / "twins.json"
    twins = subprocess.Popen(
        [sys.executable, "-m", "data411_mcp", "twins", str(HOOPS),
         "--connection", str(connection)],
        env=process_environment(tmp_path, None),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )  # fmt: skip
    try:
        assert twins.stderr is not None
        assert "DATA411_TWINS=" in twins.stderr.readline()
        assert twins.stdout is not None
        _await_file(connection, twins)
        done = cli(
            "doctor", "--json", data_dir=tmp_path / "data", world=None,
            DATA411_TWINS=str(connection),
        )  # fmt: skip
    finally:
        twins.send_signal(signal.SIGTERM)
        twins.communicate(timeout=SECONDS)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["network"]["ok"]


def _await_file(file: Path, writer: subprocess.Popen[str]) -> None:
    import time

    deadline = time.monotonic() + SECONDS
    while not (file.exists() and file.stat().st_size) and time.monotonic() < deadline:
        assert writer.poll() is None, "the twins ended"
        time.sleep(0.05)  # polling another process's file is the only way to know


def test_a_world_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    done = cli("enrich", "--lead", str(HOOPS / "lead.json"), data_dir=tmp_path,
               world=tmp_path / "nowhere")  # fmt: skip
    assert done.returncode in {EXIT_USAGE, EXIT_FAILED}
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_used_is_named_without_its_value(tmp_path: Path) -> None:
    done = cli("doctor", data_dir=tmp_path, DATA411_SITE_PAGES="secret-value")
    assert done.returncode == EXIT_USAGE
    assert "site_pages" in done.stderr
    assert "secret-value" not in done.stderr


def test_an_unknown_transport_is_refused(tmp_path: Path) -> None:
    done = cli("serve", "--transport", "pigeon", data_dir=tmp_path)
    assert done.returncode == EXIT_USAGE
    assert "stdio or http" in done.stderr
