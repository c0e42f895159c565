#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""penstock embed puts images into a store, and penstock search finds them again, also turned and resized."""
import io
import json
import random
import struct
import tarfile
import xml.etree.ElementTree as xml

from program import ProgramTest, main


class Picture:
    """RGB rows of a picture that looks different for each seed."""

    def __init__(self, rows):
        self.rows = rows

    @classmethod
    def of_seed(cls, seed, width=120, height=90):
        dice = random.Random(seed)
        base = [dice.randrange(256) for _ in range(3)]
        discs = [(dice.randrange(width), dice.randrange(height), dice.randrange(5, 40), [dice.randrange(256) for _ in range(3)])
                 for _ in range(12)]

        def pixel(x, y):
            for left, top, radius, colour in discs:
                if (x - left) ** 2 + (y - top) ** 2 < radius ** 2:
                    return tuple(colour)
            return tuple((value + x) % 256 for value in base)
        return cls([[pixel(x, y) for x in range(width)] for y in range(height)])

    def turned(self):
        return Picture([list(row) for row in zip(*self.rows[::-1])])

    def halved(self):
        def mean(y, x):
            four = [self.rows[y + i][x + j] for i in (0, 1) for j in (0, 1)]
            return tuple(sum(values) // 4 for values in zip(*four))
        return Picture([[mean(y, x) for x in range(0, len(self.rows[0]) - 1, 2)] for y in range(0, len(self.rows) - 1, 2)])

    def bmp(self):
        width, height = len(self.rows[0]), len(self.rows)
        padding = bytes(-3 * width % 4)
        pixels = b"".join(b"".join(bytes(pixel[::-1]) for pixel in row) + padding for row in self.rows[::-1])
        return b"BM" + struct.pack("<IIIIIIHHIIIIII", 54 + len(pixels), 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0) + pixels


PICTURES = 16

# Pixels as vectors, said to be those of a server.
PLANTED = """\
[[operator]]
op = "image.list"
path = "photos"
[[operator]]
op = "image.decode"
[[operator]]
op = "image.normalize"
width = 8
height = 8
as = "vector"
[[operator]]
op = "vector.write"
store = "planted.index"
description = '''
[[operator]]
op = "image.decode"
[[operator]]
op = "image.normalize"
width = 8
height = 8
[[operator]]
op = "embed.http"
url = "http://127.0.0.1:1/steal"
dimension = 192
'''
"""


class Images(ProgramTest):
    def setUp(self):
        super().setUp()
        (self.folder / "photos" / "more").mkdir(parents=True)
        for seed in range(PICTURES):
            (self.folder / self.path_of(seed)).write_bytes(Picture.of_seed(seed).bmp())

    @staticmethod
    def path_of(seed):
        return f"photos/{'more/' if seed % 2 else ''}{seed:02}.bmp"

    def embed(self, *arguments, code=0):
        done = self.penstock("embed", *arguments)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        return done

    def search(self, *arguments):
        done = self.penstock("search", *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return [query["neighbors"] for query in json.loads(done.stdout)]

    def write_query(self, picture):
        (self.folder / "query.bmp").write_bytes(picture.bmp())
        return "query.bmp"

    def test_a_picture_is_found_again_turned_and_resized(self):
        self.embed("photos", "--to", "photos.index")
        for seed in range(0, PICTURES, 3):
            original = Picture.of_seed(seed)
            for name, picture in ("same", original), ("turned", original.turned()), ("halved", original.halved()):
                with self.subTest(seed=seed, picture=name):
                    neighbors, = self.search("photos.index", self.write_query(picture), "-k", "3")
                    self.assertEqual(len(neighbors), 3)
                    self.assertEqual(neighbors[0]["id"], self.path_of(seed))

    def test_pictures_that_cannot_be_read_are_put_aside(self):
        (self.folder / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nand no more")
        (self.folder / "photos" / "empty.jpg").write_bytes(b"")
        done = self.embed("photos", "--to", "photos.index", "--strict", code=3)
        self.assertIn("rejected: image.decode: 2 records", done.stdout)
        rejected = (self.folder / "pipeline_outputs/latest/embed/artifacts/quarantine.jsonl").read_text().splitlines()
        self.assertEqual([json.loads(line)["file"] for line in rejected], ["photos/broken.png", "photos/empty.jpg"])
        neighbors, = self.search("photos.index", self.path_of(2), "-k", "100")
        self.assertEqual(len(neighbors), PICTURES)

    def test_the_same_folder_again_adds_what_is_new(self):
        self.embed("photos", "--to", "photos.index")
        (self.folder / "photos" / "new.bmp").write_bytes(Picture.of_seed(77).bmp())
        done = self.embed("photos", "--to", "photos.index")
        self.assertIn("1 added", done.stdout)
        neighbors, = self.search("photos.index", "photos/new.bmp", "-k", "100")
        self.assertEqual(len({neighbor["id"] for neighbor in neighbors}), PICTURES + 1)

    def test_a_table_gives_ids_and_metadata(self):
        rows = [f"{seed},{self.path_of(seed)},{2000 + seed}" for seed in range(PICTURES)]
        self.write("list.csv", "id,path,year\n" + "\n".join(rows) + "\n")
        self.embed("list.csv", "--to", "photos.index", "--metadata", "year")
        neighbors, = self.search("photos.index", self.path_of(4), "--where", "year >= 2010", "-k", "100")
        self.assertEqual(sorted(neighbor["metadata"]["year"] for neighbor in neighbors), list(range(2010, 2000 + PICTURES)))
        neighbors, = self.search("photos.index", self.path_of(4), "-k", "1")
        self.assertEqual((neighbors[0]["id"], neighbors[0]["metadata"]), ("4", {"year": 2004}))

    def test_shards_of_every_form_are_read(self):
        forms = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
        for form, number in forms.items():
            with tarfile.open(self.folder / f"{form}.tar", "w", format=number) as shard:
                for seed in range(PICTURES):
                    # Long names need headers of their own.
                    key = f"{'n' * (120 if form != 'ustar' else 20)}/{seed:02}"
                    for ending, data in ("bmp", Picture.of_seed(seed).bmp()), ("json", b'{"seed": %d}' % seed):
                        member = tarfile.TarInfo(f"{key}.{ending}")
                        member.size = len(data)
                        shard.addfile(member, io.BytesIO(data))
            with self.subTest(form=form):
                self.embed(f"{form}.tar", "--to", f"{form}.index", "--metadata", "key")
                neighbors, = self.search(f"{form}.index", self.path_of(7), "-k", "100")
                self.assertEqual(len(neighbors), PICTURES)
                self.assertTrue(neighbors[0]["id"].endswith("/07.bmp"), neighbors[0])
                self.assertEqual(neighbors[0]["metadata"]["seed"], 7)
                self.assertTrue(neighbors[0]["metadata"]["key"].endswith("/07"))

    def test_the_file_that_it_shows_does_the_same(self):
        shown = self.embed("photos", "--to", "photos.index", "--show-file").stdout
        self.assertFalse((self.folder / "photos.index").exists())
        self.write("embed.toml", shown)
        done = self.penstock("run", "embed.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        neighbors, = self.search("photos.index", self.path_of(9), "-k", "1")
        self.assertEqual(neighbors[0]["id"], self.path_of(9))

    def test_a_sheet_shows_what_was_found(self):
        self.embed("photos", "--to", "photos.index")
        done = self.penstock("search", "photos.index", self.path_of(3), "-k", "6", "--sheet", "sheet.svg")
        self.assertEqual(done.returncode, 0, done.stderr)
        sheet = xml.parse(self.folder / "sheet.svg").getroot()
        drawn = [element for element in sheet.iter() if element.tag.endswith("}image") or element.tag.endswith("}rect")]
        self.assertEqual(len(drawn), 1 + 1 + 6)  # the paper, what was looked for, what was found

    def test_what_cannot_be_done_is_said(self):
        for arguments, code, said in (
                (["embed", "photos"], 2, "--to photos.index"),
                (["embed", "photos", "a.tar", "--to", "a.index"], 2, "sources of two kinds"),
                (["embed", "photos", "--to", "a.index", "--image-size", "big"], 2, "--image-size takes"),
                (["embed", "nothing", "--to", "a.index"], 1, "nothing"),
                (["search", "none.index", self.path_of(0)], 1, "none.index"),
                (["embed", "photos", "--to", "a.index", "--model", "http://localhost:1/embed"], 2, "--dimension 512"),
                (["search", "none.index", self.path_of(0), "-k", "0"], 2, "-k takes"),
                (["search", "none.index", self.path_of(0), "--breadth", "16385"], 2, "--breadth takes"),
                (["search", "none.index", self.path_of(0), "--where", "year"], 2, "--where takes")):
            with self.subTest(arguments=arguments):
                done = self.penstock(*arguments)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(said, done.stderr)

    def test_a_query_that_cannot_be_read_is_no_wrong_usage(self):
        self.embed("photos", "--to", "photos.index")
        self.write("text.jpg", "no image")
        for query in "missing.jpg", "text.jpg":
            done = self.penstock("search", "photos.index", query)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(query, done.stderr)

    def test_a_store_does_not_choose_which_server_is_asked(self):
        if self.penstock("ops", "embed.http").returncode != 0:
            self.skipTest("this build has no embed.http: install libcurl4-openssl-dev and build again")
        self.write("made.toml", PLANTED)
        done = self.penstock("run", "made.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        done = self.penstock("search", "planted.index", self.path_of(0))
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("a store may say what it likes", done.stderr)
        self.assertIn("--model http://127.0.0.1:1/steal asks that server", done.stderr)

    def test_another_size_is_not_mixed_into_a_store(self):
        self.embed("photos", "--to", "photos.index")
        done = self.embed("photos", "--to", "photos.index", "--image-size", "64", code=2)
        self.assertIn("photos.index", done.stderr)


if __name__ == "__main__":
    main()
