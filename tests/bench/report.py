"""A table of figures, and the report: Markdown, and a drawing for each table."""

import html
import os
import pathlib
import platform


def number(value):
    """As many digits as mean something."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value == 0:
        return "0"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Table:
    """columns: the first names the row. chart: which columns are drawn, and what they count."""

    def __init__(self, title, columns, about, chart, unit):
        self.title, self.columns, self.about = title, columns, about
        self.chart, self.unit = chart, unit
        self.rows, self.findings = [], []
        self.name = ""

    def row(self, *cells):
        self.rows.append(cells)

    def aim(self, what, figure, most):
        """Whether an aim was met; figure and most are ratios or amounts of which less is better."""
        met = "met" if figure <= most else "NOT met"
        self.findings.append(f"Aim: {what} at most {number(most)}: {number(figure)}, {met}.")

    def lines(self):
        cells = [list(self.columns)] + [[number(c) for c in row] for row in self.rows]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]

        def line(row):
            return "| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w)
                                     for i, (c, w) in enumerate(zip(row, widths))) + " |"
        yield line(cells[0])
        yield "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":"
                             for i, w in enumerate(widths)) + "|"
        for row in cells[1:]:
            yield line(row)

    def text(self):
        return "\n".join([self.title, ""] + list(self.lines()) + [""] + self.findings + [""])

    def markdown(self):
        parts = [f"## {self.title}", "", self.about, "", *self.lines(), ""]
        parts += [f"- {finding}" for finding in self.findings] + [""] * bool(self.findings)
        parts += [f"![{self.title}]({self.name}.svg)", ""]
        return "\n".join(parts)

    def svg(self):
        """A bar for each row and drawn column; the figures stand beside them, so that no colour and no
        length has to be read."""
        bars = [(f"{row[0]}, {self.columns[i]}" if len(self.chart) > 1 else str(row[0]), row[i])
                for row in self.rows for i in self.chart
                if isinstance(row[i], (int, float))]
        most = max((value for _, value in bars), default=1) or 1
        height = 22
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{len(bars) * height + 50}" '
                 f'font-family="sans-serif" font-size="13" role="img">',
                 f"<title>{html.escape(self.title)} ({html.escape(self.unit)})</title>",
                 '<rect width="100%" height="100%" fill="white"/>',
                 f'<text x="8" y="20" font-size="15">{html.escape(self.title)} '
                 f'({html.escape(self.unit)})</text>']
        for n, (label, value) in enumerate(bars):
            y = 34 + n * height
            ours = label.startswith("Holdfast")
            parts.append(f'<text x="340" y="{y + 15}" text-anchor="end">{html.escape(label)}</text>')
            parts.append(f'<rect x="348" y="{y + 3}" width="{max(1, 440 * value / most):.1f}" '
                         f'height="{height - 6}" fill="{"#1f5fa8" if ours else "#9a9a9a"}"/>')
            parts.append(f'<text x="{354 + 440 * value / most:.1f}" y="{y + 15}">{number(value)}</text>')
        return "\n".join(parts + ["</svg>", ""])


def machine():
    model = next((line.partition(":")[2].strip()
                  for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown processor")
    return f"{os.cpu_count()} x {model}, Linux {platform.release()}"


def write(out, tables, size, seconds):
    parts = ["# Holdfast, measured", "",
             f"{machine()}. A {size} run of {seconds / 60:.1f} minutes. "
             "Each figure is the median of its rounds, which ran in turns; processor time is that of the "
             "process which holds the players' sockets, by the kernel's clock. Absolute figures do not "
             "travel to other machines, ratios do. `make bench` repeats it.", ""]
    for table in tables:
        parts.append(table.markdown())
        (out / f"{table.name}.svg").write_text(table.svg())
    (out / "report.md").write_text("\n".join(parts))
