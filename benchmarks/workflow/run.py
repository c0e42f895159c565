#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What does a stage cost that does nothing, and a run in which there is nothing to do? Penstock beside make and ninja, and
Luigi and Snakemake where a Python that has them is named.

  run.py PENSTOCK [--stages N] [--rounds R] [--parallel J] [--luigi PYTHON] [--snakemake PROGRAM]

Every stage copies one small file; layers of 100, each stage reads one of the layer before. All three tools run in turns, each in a
fresh folder: a first run, a run with nothing to do, a run after an edit of one source. Before a time counts, all outputs are
compared. Penstock keeps a run, logs, digests and cache besides; make and ninja compare times of files.
"""
import argparse
import pathlib
import resource
import shutil
import statistics
import subprocess
import tempfile
import time

WIDTH = 100


def name(layer, i):
    return f"s{layer}_{i}"


def stages(count):
    for number in range(count):
        yield number // WIDTH, number % WIDTH


class Tool:
    def __init__(self, words, count, parallel):
        self.words, self.count, self.parallel = words, count, parallel
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="penstock_bench_"))
        for i in range(min(WIDTH, count)):
            (self.folder / f"in{i}").write_text(f"{i}\n")
        (self.folder / "out").mkdir()
        self.write()

    def run(self):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        begin = time.perf_counter()
        subprocess.run([*self.words, *self.arguments()], cwd=self.folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wall = time.perf_counter() - begin
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    def edit(self, text):
        time.sleep(0.02)  # the rivals look at times of files, which tick
        (self.folder / f"in{WIDTH - 1 if self.count >= WIDTH else 0}").write_text(text)


class Ninja(Tool):
    def write(self):
        lines = ["rule copy", "  command = cp $in $out"]
        for layer, i in stages(self.count):
            source = f"in{i}" if layer == 0 else f"out/{name(layer - 1, i)}"
            lines.append(f"build out/{name(layer, i)}: copy {source}")
        (self.folder / "build.ninja").write_text("\n".join(lines) + "\n")

    def arguments(self):
        return ["-j", str(self.parallel)]

    def output(self, layer, i):
        return (self.folder / "out" / name(layer, i)).read_text()


class Make(Ninja):
    def write(self):
        targets = " ".join(f"out/{name(layer, i)}" for layer, i in stages(self.count))
        lines = [f"all: {targets}"]
        for layer, i in stages(self.count):
            source = f"in{i}" if layer == 0 else f"out/{name(layer - 1, i)}"
            lines.append(f"out/{name(layer, i)}: {source}\n\tcp {source} $@")
        (self.folder / "Makefile").write_text("\n".join(lines) + "\n")


class Luigi(Ninja):
    """In one process, as its own workers fork for each task, which takes longer."""

    def write(self):
        (self.folder / "flow.py").write_text(f"""
import subprocess, sys
import luigi
WIDTH, COUNT = {WIDTH}, {self.count}
class Copy(luigi.Task):
    number = luigi.IntParameter()
    def source(self):
        return f"in{{self.number}}" if self.number < WIDTH else self.requires().output().path
    def requires(self):
        return Copy(self.number - WIDTH) if self.number >= WIDTH else []
    def output(self):
        return luigi.LocalTarget(f"out/s{{self.number // WIDTH}}_{{self.number % WIDTH}}")
    def run(self):
        subprocess.run(["cp", self.source(), self.output().path], check=True)
ended = luigi.build([Copy(number) for number in range(COUNT)], local_scheduler=True, log_level="ERROR")
sys.exit(0 if ended else 1)
""")

    def arguments(self):
        return ["flow.py"]


class Snakemake(Ninja):
    def write(self):
        targets = ", ".join(f'"out/{name(layer, i)}"' for layer, i in stages(self.count))
        lines = [f"rule all:\n    input: {targets}\n"]
        for layer, i in stages(self.count):
            source = f"in{i}" if layer == 0 else f"out/{name(layer - 1, i)}"
            lines.append(f'rule {name(layer, i)}:\n    input: "{source}"\n    output: "out/{name(layer, i)}"\n    shell: "cp {{input}} {{output}}"\n')
        (self.folder / "Snakefile").write_text("\n".join(lines))

    def arguments(self):
        return ["--cores", str(self.parallel), "--quiet"]


class Penstock(Tool):
    def write(self):
        lines = [f"[run]\nmax_parallel = {self.parallel}\n"]
        for layer, i in stages(self.count):
            source = f"in{i}" if layer == 0 else f"{{{name(layer - 1, i)}.artifacts}}/o"
            lines.append(f'[[stage]]\nname = "{name(layer, i)}"\ncommand = ["cp", "{{inputs.i}}", "o"]\n'
                         f'inputs = {{ i = "{source}" }}\noutputs = ["o"]\n')
        (self.folder / "w.toml").write_text("".join(lines))

    def arguments(self):
        return ["run", "w.toml", "--quiet"]

    def output(self, layer, i):
        return (self.folder / "pipeline_outputs/latest" / name(layer, i) / "artifacts/o").read_text()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("penstock")
    parser.add_argument("--stages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--parallel", type=int, default=2)
    parser.add_argument("--luigi", help="a Python that has Luigi")
    parser.add_argument("--snakemake", help="the program")
    arguments = parser.parse_args()
    kinds = {"penstock": (Penstock, [arguments.penstock]), "make": (Make, ["make"]), "ninja": (Ninja, ["ninja"])}
    if arguments.luigi:
        kinds["luigi"] = (Luigi, [arguments.luigi])
    if arguments.snakemake:
        kinds["snakemake"] = (Snakemake, [arguments.snakemake])
    kinds = {key: value for key, value in kinds.items() if shutil.which(value[1][0])}
    times = {}
    for round_number in range(arguments.rounds):
        for tool_name, (kind, words) in kinds.items():
            tool = kind([str(pathlib.Path(words[0]).absolute()) if "/" in words[0] else words[0]], arguments.stages, arguments.parallel)
            last = WIDTH - 1 if arguments.stages >= WIDTH else 0
            for what in ("first run", "nothing to do", "one edit"):
                if what == "one edit":
                    tool.edit(f"edit {round_number}\n")
                times.setdefault((what, tool_name), []).append(tool.run())
                if tool_name == "luigi" and what == "one edit":
                    continue  # it looks only whether outputs are there, and keeps the old ones
                for layer, i in stages(arguments.stages):
                    expected = f"edit {round_number}\n" if what == "one edit" and i == last else f"{i}\n"
                    assert tool.output(layer, i) == expected, (tool_name, what, layer, i)
            shutil.rmtree(tool.folder)
    print(f"{arguments.stages} stages, -j{arguments.parallel}, median of {arguments.rounds}")
    print(f"{'':14} {'tool':10} {'wall ms':>9} {'cpu ms':>9} {'per stage us':>13}")
    for (what, tool_name), all_times in sorted(times.items()):
        wall = statistics.median(each[0] for each in all_times)
        cpu = statistics.median(each[1] for each in all_times)
        print(f"{what:14} {tool_name:10} {wall * 1e3:9.1f} {cpu * 1e3:9.1f} {wall / arguments.stages * 1e6:13.1f}")


if __name__ == "__main__":
    main()
