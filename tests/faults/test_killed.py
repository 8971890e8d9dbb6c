"""Killed, interrupted, started twice: nothing half-done is published, nothing runs on, and the next run ends as if nothing had been."""
import os
import re
import signal
import sys
import time

import pytest

STAGES = ("data", "train", "evaluate", "figures")


def nothing_published(toy, stage: str) -> bool: return not toy.output(stage).exists() and not toy.published(stage).exists()


@pytest.mark.parametrize("victim", ["dvc", pytest.param("runner", marks=pytest.mark.slow)])
def test_kill_9_in_mid_train(victim, toy, undisturbed):
    force = [*toy.repro_command("train"), "--force"]
    with toy.start(*force, toy="train hangs at step 10") as job:
        toy.hanging(job)
        if victim == "dvc": job.kill()
        else: next(p for p in toy.processes() if "stage.py" in " ".join(p.cmdline()) and "dvc" not in " ".join(p.cmdline())).kill()
        assert toy.alone_within(5)
    assert job.returncode and nothing_published(toy, "train")
    again = toy.run(*force)
    assert again.returncode == 0, again.stdout + again.stderr
    assert toy.hashes(*STAGES) == undisturbed.hashes(*STAGES)
    assert "up to date" in toy.repro().stdout


def test_kill_9_of_the_kernel_while_it_writes(toy, undisturbed):
    toy.forget("train")
    with toy.start(*toy.stage_command("train"), toy="train hangs while it writes") as job:
        os.kill(toy.hanging(job), signal.SIGKILL)
        out, err = job.communicate(timeout=30)
    assert job.returncode == 1 and re.search(r"^toy / train FAILED: its kernel died.*run it again$", err, re.M), err
    assert nothing_published(toy, "train") and toy.alone_within(5)
    assert toy.stage("train").returncode == 0 and toy.hashes("train") == undisturbed.hashes("train")
    assert [p.name for p in (toy.root/"out"/".tmp").iterdir()] == []


SIGNALS = [("train", "SIGTERM")] + [pytest.param(s, n, marks=pytest.mark.slow) for s in STAGES for n in ("SIGINT", "SIGTERM", "SIGHUP") if (s, n) != ("train", "SIGTERM")]


@pytest.mark.parametrize("stage, name", SIGNALS)
def test_a_signal_ends_runner_and_kernel(stage, name, toy):
    toy.forget(stage)
    with toy.start(*toy.stage_command(stage), toy=f"{stage} hangs") as job:
        toy.hanging(job)
        job.send_signal(number := signal.Signals[name])
        out, err = job.communicate(timeout=10)
    assert toy.alone_within(5) and nothing_published(toy, stage)
    assert job.returncode == 128 + number and re.search(f"^toy / {stage} .*{name}", err, re.M), err


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_to_dvc_ends_everything(name, toy, undisturbed):
    with toy.start(*toy.repro_command("train"), "--force", toy="train hangs at step 10", start_new_session=True) as job:
        toy.hanging(job)
        os.killpg(job.pid, signal.SIGINT) if name == "SIGINT" else job.terminate()
        assert toy.alone_within(5)
    assert job.returncode and nothing_published(toy, "train")
    assert toy.run(*toy.repro_command("train"), "--force").returncode == 0 and toy.hashes(*STAGES) == undisturbed.hashes(*STAGES)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_a_signal_to_the_driver_ends_everything(name, toy):
    "`make paper` ended by hand, by a scheduler, or by the kernel; the profile in params.yaml is put back unless nobody could."
    (toy.root/"params.yaml").write_text("profile: full  # stands\n")
    toy.forget("train")
    command = [sys.executable, "tools/papers.py", "--papers", "toy", "--profile", "quick", "--no-site"]
    with toy.start(*command, toy="train hangs at step 10", start_new_session=True) as job:
        toy.hanging(job)
        os.killpg(job.pid, signal.SIGINT) if name == "SIGINT" else job.send_signal(signal.Signals[name])
        assert toy.alone_within(5)
    assert job.returncode and nothing_published(toy, "train")
    assert name == "SIGKILL" or (toy.root/"params.yaml").read_text() == "profile: full  # stands\n"


def test_a_second_run_of_a_stage_waits_for_the_first(toy, undisturbed):
    toy.forget("train")
    with toy.start(*toy.stage_command("train"), toy="train hangs") as first:
        toy.hanging(first)
        with toy.start(*toy.stage_command("train")) as second:
            assert second.stdout.readline() == "toy / train: another run of this stage is under way; waiting for it\n"
            time.sleep(0.5)
            assert nothing_published(toy, "train") and second.poll() is None
            first.terminate()
            assert second.wait(30) == 0
    assert toy.hashes("train") == undisturbed.hashes("train")


@pytest.mark.slow
@pytest.mark.parametrize("other", ["toy", "another"])
def test_two_repros_at_once(other, toy, undisturbed, add_paper):
    "Two papers: both end well. The same paper twice: one ends well, the other too or says `busy`, and by whom."
    if other != "toy": add_paper(toy, other)
    toy.forget(*STAGES)
    papers = [toy, type(toy)(toy.root, other)]
    jobs = [p.start(*p.repro_command()) for p in papers]
    ended = [(*job.communicate(timeout=300), job.returncode) for job in jobs]
    assert any(code == 0 for *_, code in ended), ended
    for _, err, code in ended: assert code == 0 or (other == "toy" and "is busy, it is being blocked by" in err), err
    assert toy.hashes(*STAGES) == undisturbed.hashes(*STAGES)
    for p in papers:
        done = p.repro()
        assert done.returncode == 0 and "up to date" in done.stdout and "Running" not in done.stdout
