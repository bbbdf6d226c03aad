"""Work on Ray, without Ray: jobs into which plans are cut, what a task does, and what is refused."""

import sys
from types import SimpleNamespace

import pytest

import iceb
from iceb.base.digest import digest_file
from iceb.base.errors import SpecError
from iceb.baselines.controls import PromptSwap
from iceb.cli.main import run
from iceb.running.plan import Ask
from iceb.running.workers import on_ray, ray_tasks
from iceb.running.workers.plan_file import PlannedRun, read_plan, write_plan
from iceb.running.workers.ray_jobs import MOST_SHARES, PER_SLOT, Job, RunWork, cut_work
from iceb.running.workers.ray_tasks import Order, Outcome, carry_out
from iceb.running.workers.shares import Work
from iceb.runs.folder import read_result
from iceb.specs.execution import Execution
from iceb.specs.shards import Shard
from iceb.stores.damage import Damage, note_damage, take_damage

FIRST, SECOND, THIRD = "ab", "cd", "ef"  # keys of images


def test_a_run_is_cut_into_edits_images_before_and_shares_that_need_them():
    jobs = cut_work([RunWork(3, frozenset({FIRST}))], slots=2)
    count = 2 * PER_SLOT
    edits = [Job("edit", 0, Shard(index, 2)) for index in range(2)]  # of three batches, two at once
    before = [Job("before", 0, Shard(index, count)) for index in range(count)]
    shares = [Job("share", 0, Shard(index, count)) for index in range(count)]
    assert list(jobs) == [*edits, *before, *shares]
    assert {jobs[each] for each in (*edits, *before)} == {()}
    assert [jobs[each] for each in shares] == [(edits[0], each) for each in before]


def test_images_that_several_runs_read_are_drawn_by_jobs_of_the_first():
    runs = [RunWork(1, frozenset({FIRST})), RunWork(0, frozenset({FIRST})), RunWork(1, frozenset({FIRST, SECOND}))]
    jobs = cut_work([*runs, RunWork(0, is_made=True), RunWork(0, frozenset({SECOND}))], slots=1)
    shard = Shard(3, PER_SLOT)
    assert {each.run for each in jobs if each.kind == "before"} == {0, 2}
    assert {each.run for each in jobs if each.kind == "share"} == {0, 1, 2, 4}
    assert jobs[Job("before", 2, shard)] == (Job("before", 0, shard),)
    assert jobs[Job("share", 1, shard)] == (Job("before", 0, shard),)
    assert jobs[Job("share", 2, shard)] == (Job("edit", 2, Shard(0, 1)), Job("before", 2, shard))
    assert jobs[Job("share", 4, shard)] == (Job("before", 2, shard),)
    places = list(jobs)
    assert all(places.index(need) < places.index(job) for job, needs in jobs.items() for need in needs)


def test_a_run_with_images_alone_needs_nothing_and_shares_are_bounded():
    jobs = cut_work([RunWork(0)], slots=512)
    assert len(jobs) == MOST_SHARES
    assert set(jobs.values()) == {()}


@pytest.fixture
def order(arguments, tmp_path, monkeypatch):
    """The order of a run that was planned and not begun."""
    monkeypatch.setattr(ray_tasks, "_gpus", list)
    (tmp_path / "c.toml").write_text('kind = "command"\nshards = 1\ncommand = "{argv}"\n')
    assert run(arguments("--launch", str(tmp_path / "c.toml"))) == 0
    (plan,) = (tmp_path / "runs" / "plans").rglob("plan.json")
    return Order(plan, digest_file(plan), 1)


@pytest.mark.usefixtures("plugins")
def test_the_jobs_of_a_run_make_all_of_it_and_no_image_twice(arguments, order, tmp_path):
    work = Work(read_plan(order.plan), order.plan)
    (found,) = (RunWork.of(plan) for plan in work.plans())
    assert (found.edit_jobs, found.is_made) == (1, False)
    outcomes: dict[Job, Outcome] = {}
    for job, needs in cut_work([found], slots=1).items():
        outcomes[job] = carry_out(order, job, *(outcomes[each] for each in needs))
    assert all(each.is_made for each in outcomes.values())
    images = len(list((tmp_path / "cache" / "images").rglob("*.png")))
    drawn = {kind: sum(outcomes[job].drawn for job in outcomes if job.kind == kind) for kind in ray_tasks.STAGES}
    assert (drawn["edit"], drawn["before"], drawn["before"] + drawn["share"]) == (0, len(found.before), images)
    assert next(map(RunWork.of, work.plans())).is_made
    assert run(arguments()) == 0
    (path,) = (tmp_path / "runs").rglob("result.json")
    assert read_result(path).cost.images_drawn == 0


@pytest.mark.usefixtures("plugins")
def test_an_error_is_noted_and_ends_the_jobs_that_need_it(order, monkeypatch):
    monkeypatch.setattr(ray_tasks, "_work", lambda order, device: read_plan(order.plan.with_name("gone.json")))
    edit = Job("edit", 0, Shard(0, 1))
    failed = carry_out(order, edit)
    assert "gone.json" in failed.error
    ((shard, error),) = iceb.status(order.plan).failed
    assert (shard, error) == ("0/1 (edit of run 1)", failed.error)
    assert carry_out(order, Job("share", 0, Shard(0, 4)), failed) == Outcome(is_made=False)
    monkeypatch.undo()


def test_a_task_refuses_a_plan_that_is_not_the_commands_own(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_tasks, "_gpus", list)
    plan = write_plan([PlannedRun("x", Ask("aice", "uce", 1, cache=tmp_path))], tmp_path)
    failed = carry_out(Order(plan, "0" * 64, 1), Job("share", 0, Shard(0, 1)))
    assert "plan.json: is not the plan that the command wrote" in failed.error


def test_a_method_that_leaves_with_the_code_of_success_has_failed(tmp_path, monkeypatch):
    def leave(*_):
        raise SystemExit(0)

    monkeypatch.setattr(ray_tasks, "_gpus", list)
    monkeypatch.setattr(Work, "make", leave)
    plan = write_plan([PlannedRun("x", Ask("aice", "uce", 1, cache=tmp_path))], tmp_path)
    failed = carry_out(Order(plan, digest_file(plan), 1), Job("share", 0, Shard(0, 1)))
    assert (failed.error.partition(" (")[0], failed.is_made) == ("unexpected SystemExit: 0", False)


def test_a_worker_that_ray_ends_has_not_failed(tmp_path, monkeypatch):
    def end(*_):
        error = SystemExit(1)
        error.ray_terminate_msg = "The process receives a SIGTERM."
        raise error

    monkeypatch.setattr(ray_tasks, "_gpus", list)
    monkeypatch.setattr(Work, "make", end)
    plan = write_plan([PlannedRun("x", Ask("aice", "uce", 1, cache=tmp_path))], tmp_path)
    with pytest.raises(SystemExit):
        carry_out(Order(plan, digest_file(plan), 1), Job("share", 0, Shard(0, 1)))
    assert list(plan.parent.glob("failed-*")) == []


def test_a_task_tells_of_the_damage_that_it_found(tmp_path, monkeypatch):
    found = Damage(tmp_path / "image", "cut short", removed=True)

    def draw(*_):
        note_damage([found])
        return 3

    monkeypatch.setattr(ray_tasks, "_gpus", list)
    monkeypatch.setattr(Work, "make", draw)
    plan = write_plan([PlannedRun("x", Ask("aice", "uce", 1, cache=tmp_path))], tmp_path)
    assert carry_out(Order(plan, digest_file(plan), 1), Job("share", 0, Shard(0, 1))) == Outcome(3, damage=(found,))
    assert take_damage() == []


class RayError(Exception):
    """As the exceptions of Ray, of which those below are kinds."""


class WorkerCrashedError(RayError):
    pass


class RayTaskError(RayError):
    pass


class RuntimeEnvSetupError(RayError):
    pass


class Ref:
    """What a task returns in the end; None where it was lost."""

    def __init__(self, value: object) -> None:
        self.value = value


class FakeRay:
    """A Ray that carries out tasks where they are submitted; those whose name holds `kills` have lost their worker."""

    def __init__(self, kills: str = "none", error: type[RayError] = WorkerCrashedError) -> None:
        kinds = (RayError, RayTaskError, RuntimeEnvSetupError)
        self.kills, self.error, self.asked = kills, error, {}
        self.exceptions = SimpleNamespace(**{kind.__name__: kind for kind in kinds})

    def is_initialized(self) -> bool:
        return True

    def nodes(self) -> list[dict]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 64.0}}]

    def remote(self, **options):
        self.asked = options
        return lambda function: SimpleNamespace(
            options=lambda name: SimpleNamespace(remote=lambda *given: self._submit(name, function, given))
        )

    def _submit(self, name: str, function, given) -> object:
        values = [each.value if isinstance(each, Ref) else each for each in given]
        return Ref(None if self.kills in name or None in values else function(*values))

    def wait(self, refs: list, num_returns: int, timeout: float) -> tuple[list, list]:
        return refs[:1], refs[1:]

    def get(self, ref):
        if ref.value is None:
            raise self.error("The worker died")
        return ref.value


def test_the_death_of_a_task_that_another_needed_is_no_refusal():
    lost, crashed = RayTaskError("its dependency failed"), WorkerCrashedError("The worker died")
    for cause, refused in ((crashed, False), (ImportError("iceb"), True)):
        lost.cause = cause
        ray = FakeRay("")
        ray.error = lambda _: lost
        assert on_ray._outcome(ray, Ref(None)).refused is refused


@pytest.mark.usefixtures("plugins")
def test_the_command_makes_what_tasks_lost(caplog, arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_tasks, "_gpus", list)
    monkeypatch.setitem(sys.modules, "ray", fake := FakeRay("-of-8 (share"))
    assert run(arguments("--ray", "auto", "--workers", "1")) == 0
    assert [each for each in caplog.messages if each.startswith("Ray")] == [
        "Ray's task 0-of-8 (share of run 1) failed: The worker died"
    ]
    assert {name: fake.asked[name] for name in ("num_cpus", "num_gpus", "max_calls")} == {
        "num_cpus": 1,
        "num_gpus": 0,
        "max_calls": 0,
    }
    (path,) = (tmp_path / "runs").rglob("result.json")
    result = read_result(path)
    assert 0 < result.cost.images_drawn < result.cost.images_reused + result.cost.images_drawn
    assert "--ray" not in result.provenance.command


@pytest.mark.usefixtures("plugins")
def test_the_runs_of_a_sweep_are_shared_together(arguments, tmp_path, monkeypatch):
    monkeypatch.setattr(ray_tasks, "_gpus", list)
    monkeypatch.setitem(sys.modules, "ray", FakeRay())
    assert run([*arguments("--ray", "auto"), "--num-edits", "1,2"]) == 0
    (plan,) = (tmp_path / "runs" / "plans").rglob("plan.json")
    assert plan.parent.name.startswith("sweep_")
    results = [read_result(path) for path in (tmp_path / "runs").rglob("result.json")]
    assert [each.cost.images_drawn for each in results] == [0, 0]
    assert sorted(each.num_edits for each in results) == [1, 2]


@pytest.mark.usefixtures("plugins")
def test_a_ray_whose_workers_carry_out_nothing_is_an_error(capsys, arguments, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", FakeRay("of", RayTaskError))
    assert run(arguments("--ray", "auto")) == 2
    assert "none of its workers carried out a task (The worker died)" in capsys.readouterr().err


@pytest.mark.usefixtures("plugins")
def test_the_command_makes_all_where_every_worker_was_killed(arguments, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", FakeRay("of"))
    assert run(arguments("--ray", "auto")) == 0
    (path,) = (tmp_path / "runs").rglob("result.json")
    assert read_result(path).cost.images_drawn > 0


def test_a_ray_that_has_lost_its_nodes_is_waited_for_a_while_and_no_longer(caplog, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(on_ray.time, "monotonic", lambda: clock[0])
    ray = FakeRay()
    places = on_ray.Places(ray, 1, on_gpus=False)

    def look(after: float, *, idle: bool = True) -> None:
        clock[0] += after
        places.look(idle=idle)

    look(on_ray.LOOK)
    ray.nodes = lambda: [{"Alive": False, "Resources": {"CPU": 2.0}}]
    look(on_ray.LOOK, idle=False)
    assert caplog.messages == []
    for _ in range(2):
        look(on_ray.LOOK)
    (line,) = caplog.messages
    assert line.startswith("`ray`: no node of the cluster has 1 CPUs for a task")
    del ray.nodes  # they come back
    look(on_ray.PATIENCE)
    ray.nodes = list
    look(on_ray.LOOK)
    with pytest.raises(SpecError, match="no node of the cluster has 1 CPUs"):
        look(on_ray.PATIENCE)


def test_a_task_has_a_place_where_a_node_has_all_that_it_needs():
    nodes = [{"CPU": 64.0, "GPU": 8.0}, {"CPU": 3.0, "GPU": 2.0}, {"CPU": 64.0}]
    assert on_ray.slots(nodes, 2, on_gpus=True) == 9
    assert on_ray.slots(nodes, 2, on_gpus=False) == 65
    with pytest.raises(SpecError, match=r"no node of the cluster has 8 CPUs and a GPU for a task: lower `workers`"):
        on_ray.slots(nodes[1:], 8, on_gpus=True)
    with pytest.raises(SpecError, match=r"torch finds none here.*`device=cpu`"):
        on_ray._refuse_unused_gpus(nodes, "auto", on_gpus=False)
    on_ray._refuse_unused_gpus(nodes, "cpu", on_gpus=False)


def test_ray_that_is_not_installed_is_named_with_its_extra(capsys, arguments, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(arguments("--ray", "local")) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("iceb: --ray: package ray cannot be imported")
    assert line.endswith("pip install 'iceb[ray]'")
    assert not (tmp_path / "runs").exists()


def test_what_does_not_go_with_ray_is_refused(capsys, arguments, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", sys)  # any module: none of this gets as far as Ray
    assert run(arguments("--ray", "local", "--launch", "c.toml")) == 2
    assert "--launch and --ray: each names those who do the work" in capsys.readouterr().err
    asked = {"task": "aice", "num_edits": 1, "out": tmp_path}
    with pytest.raises(SpecError, match="`launch` and `ray`"):
        iceb.launch(method="uce", ray="local", launch=tmp_path / "c.toml", **asked)
    with pytest.raises(SpecError, match="register it as a package's entry point"):
        iceb.evaluate(method=PromptSwap(), ray="local", cache=tmp_path, **asked)
    with pytest.raises(SpecError, match=r"`device` cuda:1: Ray gives each task its GPU"):
        on_ray.share_on_ray([], tmp_path, Execution("cuda:1"), "local")
