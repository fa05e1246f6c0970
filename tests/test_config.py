"""What gecc.toml promises to whoever writes one."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, FrozenInstanceError, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.devices import CONVENTIONS
from collectors.formats import FORMATS
from kpis.results import KPIS
from telemetry.config import (
    DEFAULTS,
    Config,
    ConfigError,
    Influxdb,
    Mqtt,
    Site,
    check,
    influxdb_token,
    load,
    mqtt_password,
    without_file,
)
from telemetry.config_reader import Given, Table, Tables, every_setting, read, settings, shown

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "deploy" / "gecc.toml"
ONE_SITE = '[[sites]]\nid = "a"\n'


@pytest.fixture
def written(tmp_path):
    """Write a gecc.toml and give its path."""

    def write(text: str | bytes) -> Path:
        path = tmp_path / "gecc.toml"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def problems(path: Path, **names: Any) -> list[str]:
    """What is wrong with a file, without the file's name."""
    with pytest.raises(ConfigError) as caught:
        load(path, **names)
    assert all(p.startswith(f"{path}: ") for p in caught.value.problems)
    return [p.removeprefix(f"{path}: ") for p in caught.value.problems]


# What a good file gives -------------------------------------------------------------------------------------------


def test_the_smallest_file_is_one_site_with_every_default(written):
    path = written(ONE_SITE)
    assert load(path) == Config(data=path.parent, sites=(Site(id="a"),))


def test_paths_begin_at_the_folder_of_the_file_wherever_the_command_runs(written, tmp_path, monkeypatch):
    path = written('data = "d"\n' + ONE_SITE + '[[sites.sources]]\nid = "p"\nformat = "f"\ntail = "logs/queue_log"\n')
    monkeypatch.chdir(tmp_path)
    config = load(path.relative_to(tmp_path))
    assert config.data == tmp_path / "d"
    assert config.sites[0].sources[0].tail == tmp_path / "logs" / "queue_log"


def test_an_absolute_path_stays_as_it_is(written, tmp_path):
    assert load(written(f"data = '{tmp_path / 'elsewhere'}'\n" + ONE_SITE)).data == tmp_path / "elsewhere"


def test_a_byte_order_mark_and_dos_line_ends_are_read_over(written):
    config = load(written(b"\xef\xbb\xbf" + (ONE_SITE + 'name_th = "ศูนย์"\n').replace("\n", "\r\n").encode()))
    assert config.sites[0].name_th == "ศูนย์"


def test_a_whole_number_stands_for_a_fraction_but_a_fraction_never_for_a_whole_number(written):
    assert load(written(ONE_SITE + "ring_cycle_s = 6\n")).sites[0].ring_cycle_s == 6.0
    assert problems(written("[web]\nport = 80.0\n" + ONE_SITE)) == [
        "web.port: expected a whole number from 0 to 65535, got 80.0"
    ]


def test_a_queue_may_have_any_printable_name(written):
    names = ["ทะเบียนราษฎร", "Support (2nd line)", "ก" * 21, "sales@night"]
    text = ONE_SITE + "".join(f'[[sites.services]]\nid = "{name}"\n' for name in names)
    assert [s.id for s in load(written(text)).sites[0].services] == names


def test_rows_cannot_be_changed(written):
    config = load(written(ONE_SITE))
    with pytest.raises(FrozenInstanceError):
        config.data = Path()


def test_without_a_file_a_site_has_every_default(tmp_path):
    assert without_file(tmp_path, "hall-7") == Config(data=tmp_path, sites=(Site(id="hall-7"),))
    with pytest.raises(ConfigError, match="site: id: expected 1 to 32 of a-z, 0-9 and -, got"):
        without_file(tmp_path, "Hall 7")


# What a bad file is told ------------------------------------------------------------------------------------------


def test_every_problem_is_listed_at_once(written):
    text = """
        dta = "x"
        [web]
        port = 70000
        [mqtt]
        port = "1883"
        [[sites]]
        id = "Bad Id"
        timezone = "Asia/Bangkonk"
        [[sites.services]]
        id = "a"
        [[sites.services]]
        id = "b"
        target_minutes = "ten"
        [[sites.services]]
        id = "a"
        [[sites]]
        name_th = 5
    """
    assert problems(written(text)) == [
        'dta: unknown setting; did you mean "data"?',
        "web.port: expected a whole number from 0 to 65535, got 70000",
        "mqtt.host: missing; expected a host name or address, without scheme or port",
        'mqtt.port: expected a whole number from 1 to 65535, got "1883"',
        'sites[0].id: expected 1 to 32 of a-z, 0-9 and -, got "Bad Id"',
        'sites[0].timezone: no time zone "Asia/Bangkonk"; did you mean "Asia/Bangkok"?',
        'sites[0].services[1].target_minutes: expected a number above 0 and up to 1440, got "ten"',
        "sites[1].id: missing; expected 1 to 32 of a-z, 0-9 and -",
        "sites[1].name_th: expected a text of up to 200 characters without control characters, got 5",
        'sites[0].services[2].id: expected a value of its own, "a" is also sites[0].services[0].id',
    ]


def source_with(lines, format_="asterisk_queue_log"):
    return f"[[sites.sources]]\nid = 'p'\nformat = '{format_}'\n{lines}"


BAD = [
    # below [[sites]] id = "a"
    ("ring_cycle_s = 0", "sites[0].ring_cycle_s: expected a number above 0 and up to 60, got 0"),
    ("ring_cycle_s = nan", "sites[0].ring_cycle_s: expected a number above 0 and up to 60, got nan"),
    ("ring_cycle_s = true", "sites[0].ring_cycle_s: expected a number above 0 and up to 60, got true"),
    ("short_abandon_s = -1", "sites[0].short_abandon_s: expected a number from 0 to 3600, got -1"),
    ("service_level_s = inf", "sites[0].service_level_s: expected a number above 0 and up to 3600, got inf"),
    ("service_level_s = 1" + 400 * "0", "sites[0].service_level_s: expected a number above 0 and up to 3600, got 1000"),
    ('ring_clock = "phone"', 'sites[0].ring_clock: expected one of "agent_total", "agent_last", "queue", got "phone"'),
    ('timezone = "../etc"', 'sites[0].timezone: no time zone "../etc"'),
    ("timezone = 7", 'sites[0].timezone: expected a time zone such as "Asia/Bangkok", got 7'),
    ('name_en = "a\\nb"', "sites[0].name_en: expected a text of up to 200 characters without control characters"),
    ("services = 3", "sites[0].services: expected an array of tables, got 3"),
    ("services = [1]", "sites[0].services: expected an array of tables, got an array"),
    ("[sites.services]\nid = 'x'", "sites[0].services: expected an array of tables, got a table"),
    ("targets = 0.5", "sites[0].targets: expected a table of numbers, each by the name of a KPI, got 0.5"),
    ("targets.asa_seconds = 'x'", 'sites[0].targets.asa_seconds: expected a number from 0, got "x"'),
    ("targets.asa_seconds = -1", "sites[0].targets.asa_seconds: expected a number from 0, got -1"),
    ("targets.abandoned_call_rate = 5", "sites[0].targets.abandoned_call_rate: expected a number from 0 to 1, got 5"),
    (
        "targets.abandoned_calls_rate = 0.1",
        'sites[0].targets.abandoned_calls_rate: no KPI of this name; did you mean "abandoned_call_rate"?',
    ),
    ("[[sites.services]]\nid = 'a/b'", "sites[0].services[0].id: expected a printable name of up to 64 bytes without"),
    ("[[sites.services]]\nid = ''", "sites[0].services[0].id: expected a printable name"),
    ("[[sites.services]]\nid = ' a'", "sites[0].services[0].id: expected a printable name"),
    ('[[sites.services]]\nid = "a\\tb"', "sites[0].services[0].id: expected a printable name"),
    (f"[[sites.services]]\nid = '{22 * 'ก'}'", "sites[0].services[0].id: expected a printable name"),
    (
        "[[sites.sources]]\nid = 'p'\nformat = 'asterisk_queuelog'\ntail = 'x'",
        'sites[0].sources[0].format: no format "asterisk_queuelog"; did you mean "asterisk_queue_log"?',
    ),
    ("[[sites.sources]]\nid = 'p'\ntail = 'x'", "sites[0].sources[0].format: missing; expected the name of a format"),
    (
        "[[sites.sources]]\nid = 'p'\nformat = ''\ntail = 'x'",
        "sites[0].sources[0].format: expected the name of a format",
    ),
    (
        "[[sites.sources]]\nid = 'p'\nformat = 'asterisk_queue_log'\ntail = '.'",
        "sites[0].sources[0].tail: expected a file; ",
    ),
    ("[[sites.devices]]\nid = 'by-hand'", 'sites[0].devices[0].id: expected another name: "by-hand" is what people'),
    (
        "[[sites.sources]]\nid = 'by-hand'\nformat = 'asterisk_queue_log'\ntail = 'x'",
        'sites[0].sources[0].id: expected another name: "by-hand" is what people correct',
    ),
    (
        "[[sites.devices]]\nid = 'k'\nkind = 'printer'",
        'sites[0].devices[0].kind: expected one of "kiosk", "button", "c',
    ),
    (
        "[[sites.devices]]\nid = 'k'\nscale_max = 1",
        "sites[0].devices[0].scale_max: expected a whole number from 2 to 100",
    ),
    ("[[sites.devices]]\nid = 'k'\nscale_max = true", "sites[0].devices[0].scale_max: expected a whole number from 2"),
    (
        "[[sites.services]]\nid = 'idcard'\n[[sites.devices]]\nid = 'k'\nunit = 'id_card'",
        'sites[0].devices[0].unit: no service "id_card" at this site; did you mean "idcard"?',
    ),
    (
        "[[sites.devices]]\nid = 'k'\n[[sites.devices]]\nid = 'k'",
        'sites[0].devices[1].id: expected a value of its own, "k" is also sites[0].devices[0].id',
    ),
    (
        "sources = [{id='k', format='asterisk_queue_log', tail='x'}]\ndevices = [{id='k'}]",
        'sites[0].devices[0].id: expected a value of its own, "k" is also sites[0].sources[0].id',
    ),
    (
        "sources = [{id='k', format='asterisk_queue_log', tail='x'}, {id='l', format='asterisk_queue_log', tail='x'}]",
        "sites[0].sources[1].tail: expected a value of its own, ",
    ),
    (
        source_with("tail = 'x'\nlisten = '0.0.0.0:99'"),
        "sites[0].sources[0]: expected one of tail, folder, connect, listen",
    ),
    (source_with(""), "sites[0].sources[0]: expected one of tail, folder, connect, listen, ami, http, got none"),
    (
        source_with("http = true", "cloudevents_http"),
        "sites[0].sources[0].token_sha256: missing; whoever sends by HTTP needs a token",
    ),
    (source_with("tail = 'x'\nfiles = '*.csv'"), "sites[0].sources[0].files: means something only beside folder"),
    (source_with("tail = 'x'\nera = 'be'"), "sites[0].sources[0].era: asterisk_queue_log does not take it"),
    (source_with("ami = '10.0.0.1:5038'"), "sites[0].sources[0].ami: asterisk_queue_log does not come this way"),
    (source_with("connect = '10.0.0.1'"), 'sites[0].sources[0].connect: expected host:port, got "10.0.0.1"'),
    (source_with("tail = 'x'", "asterisk_cdr"), "sites[0].sources[0].timezone: missing; asterisk_cdr cannot be read"),
    (
        source_with("connect = 'a:1'", "freeswitch_json_cdr"),
        "sites[0].sources[0].connect: freeswitch_json_cdr does not",
    ),
    (source_with("tail = 'x'", "kiosk_json"), "sites[0].sources[0].tail: kiosk_json does not come this way"),
    (
        source_with(f"http = true\ntoken_sha256 = ['{64 * 'a'}', 3]", "cloudevents_http"),
        "sites[0].sources[0].token_sha256[1]: expected a text of",
    ),
    (
        source_with("tail = 'x'\nunits = { '1' = 2 }", "avaya_smdr"),
        "sites[0].sources[0].units.1: expected a text of up",
    ),
    ("[[sites.devices]]\nid = 'b'\nconvention = 'zigbee'", 'sites[0].devices[0].convention: no convention "zigbee"'),
    (
        "[[sites.devices]]\nid = 'b'\npresses = { single = 0 }",
        "sites[0].devices[0].presses.single: expected a whole number from 1 to 100, got 0",
    ),
    ("[[sites]]\nid = 'a'", 'sites[1].id: expected a value of its own, "a" is also sites[0].id'),
    ("[mqtt]\nhost = 'mqtt://b'", 'mqtt.host: expected a host name or address, without scheme or port, got "mqtt://b"'),
    ("[mqtt]\nhost = 'b:1883'", 'mqtt.host: expected a host name or address, without scheme or port, got "b:1883"'),
    ("[mqtt]\nhost = 'b'\nversion = '4'", 'mqtt.version: expected one of "5", "3.1.1", got "4"'),
    ("[mqtt]\nhost = 'b'\ntls = 1", "mqtt.tls: expected true or false, got 1"),
    ("[mqtt]\nhost = 'b'\ntls = true\nca_file = 'none.pem'", "mqtt.ca_file: "),
    ("[mqtt]\nhost = 'b'\npassword_file = 'none'", "mqtt.password_file: "),
    ("[mqtt]\nhost = 'b'\nca_file = 'gecc.toml'", "mqtt.ca_file: expected tls = true beside it; without it nothing is"),
    (
        "[mqtt]\nhost = 'b'\nsession_expiry_s = -1",
        "mqtt.session_expiry_s: expected a whole number from 0 to 4294967295",
    ),
    (
        "[influxdb]\nurl = 'localhost:8086'\nbucket = 'b'",
        "influxdb.url: expected an address that begins with http:// or https://",
    ),
    ("[influxdb]\nurl = 'http://u:p@s'\nbucket = 'b'", "influxdb.url: a secret must not stand in this file"),
    ("[influxdb]\nurl = 'http://s/x?token=1'\nbucket = 'b'", "influxdb.url: expected no ? and # in it"),
    ("[influxdb]\nurl = 'http://s'\nbucket = ''", "influxdb.bucket: expected the name of a bucket"),
    (
        "[influxdb]\nurl = 'http://s'\nbucket = 'b'\nca_file = 'gecc.toml'",
        "influxdb.ca_file: expected https:// beside it",
    ),
    (
        "[influxdb]\nurl = 'http://s'\nbucket = 'b'\ntoken = 'x'",
        "influxdb.token: a secret must not stand in this file: name",
    ),
    ("[[mqtt]]\nhost = 'b'", "mqtt: expected a table, got an array"),
]


@pytest.mark.parametrize(("lines", "expected"), BAD, ids=[lines[:40] for lines, _ in BAD])
def test_what_is_wrong_is_said_with_its_place_and_the_expectation(written, lines, expected):
    units = {name: str(kpi.unit) for name, kpi in KPIS.items()}
    (found,) = problems(written(ONE_SITE + lines), formats=FORMATS, kpis=units, conventions=CONVENTIONS)
    assert found.startswith(expected)


def test_a_missing_file_of_a_secret_is_named_with_its_whole_path(written):
    path = written("[mqtt]\nhost = 'b'\npassword_file = 'secret/pw'\n" + ONE_SITE)
    assert problems(path) == [
        f"mqtt.password_file: {path.parent / 'secret/pw'} cannot be read: No such file or directory"
    ]


@pytest.mark.parametrize("key", ["password", "secret", "token"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(written, key):
    (found,) = problems(written(f"[mqtt]\nhost = 'b'\n{key} = 'hunter2'\n" + ONE_SITE))
    assert "a secret must not stand in this file" in found
    assert "hunter2" not in found
    assert ("password_file" in found) == (key == "password")


def test_a_file_without_a_site_is_refused(written):
    assert problems(written("")) == ["sites: expected at least one [[sites]]"]


def test_data_that_is_a_file_is_refused(written):
    path = written('data = "gecc.toml"\n' + ONE_SITE)
    assert problems(path) == [f"data: expected a folder; {path} is a file"]


def test_names_are_not_checked_without_a_list_of_them(written):
    text = ONE_SITE + "targets.x = 7\n[[sites.sources]]\nid = 'p'\nformat = 'anything'\ntail = 'x'\n"
    assert load(written(text)).sites[0].targets == {"x": 7.0}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a = 1\nb = \n", "line 2, column 5: Invalid value"),
        (b"a = 1\na = 2\n", "line 2, column 6: Cannot overwrite a value"),
        (b"a = [1", "end of document: Unclosed array"),
        (b'x = 1\nname = "\xc8\xcd"\n', "line 2: not UTF-8; save the file as UTF-8"),
    ],
)
def test_a_file_that_is_not_toml_is_told_the_line(written, text, expected):
    assert problems(written(text)) == [expected]


def test_a_file_that_is_not_there_is_one_problem(tmp_path):
    assert problems(tmp_path / "gecc.toml") == ["cannot be read: No such file or directory"]


_values = st.recursive(
    st.booleans() | st.integers() | st.floats() | st.text(max_size=80) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _tables(row: type[Any]) -> st.SearchStrategy[Any]:
    """Tables with settings of this row, each of any value or of tables that are like its own."""
    within = {s.name: _tables(s.kind.row) for s in settings(row) if isinstance(s.kind, Table | Tables)}
    return st.fixed_dictionaries(
        {},
        optional={
            s.name: st.lists(within[s.name], max_size=2) | within[s.name] | _values
            for s in settings(row)
            if s.name in within
        }
        | {s.name: _values for s in settings(row) if s.name not in within},
    )


@given(_tables(Config))
def test_whatever_stands_in_a_file_is_read_or_refused(document):
    told = Given("f", Path("nowhere"), {"kpis": ["x"]})
    assert isinstance(read(Config, {**DEFAULTS, **document}, told), Config)
    check(read(Config, {**DEFAULTS, **document}, told), told)
    assert all(problem.startswith("f: ") for problem in told.problems)


# Secrets ----------------------------------------------------------------------------------------------------------


def test_the_password_comes_from_its_file_without_the_line_end_else_from_the_environment(tmp_path):
    file = tmp_path / "pw"
    file.write_bytes(b" s3cret \r\n")
    environ = {"GECC_MQTT_PASSWORD": "other"}
    assert mqtt_password(Mqtt(host="b", password_file=file), environ) == " s3cret "
    assert mqtt_password(Mqtt(host="b"), environ) == "other"
    assert mqtt_password(Mqtt(host="b"), {}) is None


def test_the_token_of_the_store_comes_from_its_file_or_else_from_the_environment(tmp_path):
    file = tmp_path / "token"
    file.write_text("t0k3n\n")
    to, environ = Influxdb(url="http://s", bucket="b"), {"GECC_INFLUXDB_TOKEN": "other"}
    assert influxdb_token(replace(to, token_file=file), environ) == "t0k3n"
    assert (influxdb_token(to, environ), influxdb_token(to, {})) == ("other", None)


# The sample and the README ----------------------------------------------------------------------------------------


def _uncommented(sample: str) -> str:
    return re.sub(r"(?m)^# (?=[a-z_0-9]+ = |\[)", "", sample)


def test_the_sample_is_a_good_configuration():
    load(SAMPLE, formats=FORMATS, kpis={name: str(kpi.unit) for name, kpi in KPIS.items()})


def test_the_sample_is_good_too_with_every_example_in_use(written, tmp_path):
    for name in ("mqtt.password", "mqtt-ca.pem", "ami.password", "hmac.key", "influxdb.token", "influxdb-ca.pem"):
        (tmp_path / name).write_text("x")
    config = load(written(_uncommented(SAMPLE.read_text())), formats=FORMATS, kpis=KPIS, conventions=CONVENTIONS)
    assert config.mqtt is not None
    assert config.mqtt.tls
    assert config.influxdb is not None


def test_the_sample_shows_every_setting_with_its_sentence():
    sample = SAMPLE.read_text()
    shown_ = tomllib.loads(_uncommented(sample))
    for name, setting in every_setting(Config):
        rows = [shown_]
        for part in name.split("."):
            found = [row[part] for row in rows if part in row]
            assert found, f"{name} is not in {SAMPLE.name}"
            rows = [row for value in found for row in (value if isinstance(value, list) else [value])]
        assert f"\n# {setting.meaning}\n" in sample, name


def settings_table() -> str:
    """The settings as deploy/settings.md lists them."""
    lines = ["| setting | accepts | default | meaning |", "|---|---|---|---|"]
    for name, setting in every_setting(Config):
        if isinstance(setting.kind, Table | Tables):
            brackets = "[[{}]]" if isinstance(setting.kind, Tables) else "[{}]"
            lines.append(f"| **`{brackets.format(name)}`** | | | {setting.meaning} |")
            continue
        default = DEFAULTS.get(name, setting.default)
        if default is MISSING:
            default = "required"
        elif default is None or default in ("", {}, ()):
            default = ""
        else:
            default = f"`{shown(int(default) if isinstance(default, float) and default.is_integer() else default)}`"
        lines.append(f"| `{name}` | {setting.kind.expected} | {default} | {setting.meaning} |")
    return "\n".join(lines).replace("<", "&lt;")


def test_the_list_of_settings_is_as_they_are():
    table = settings_table()
    assert table in (ROOT / "deploy" / "settings.md").read_text(), f"deploy/settings.md should read:\n{table}"
