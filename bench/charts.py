"""Bar charts as SVG, drawn from lists of numbers."""

import html

COLOURS = {"granary": "#d97706", "postgresql": "#33658a", "duckdb": "#7a7a1f", "clickhouse": "#b23a48", "polars": "#5b8e7d",
           "datafusion": "#7d5ba6", "duckdb_parquet": "#7a7a1f"}
WIDTH, LABEL, BAR, GAP, GROUP_GAP = 760, 190, 14, 3, 14
STYLE = ("text{font:12px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:14px}.value{font-size:11px}"
         "@media(prefers-color-scheme:dark){text{fill:#ddd}}")


def short(value):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g}"


def bars(title, groups):
    """`groups`: [(label, {peer: value})]; each group has a scale of its own, because cases differ by magnitudes."""
    shapes, y = [f'<text class="title" x="0" y="16">{html.escape(title)}</text>'], 34
    for label, values in groups:
        if not values:
            continue
        top = max(values.values()) or 1
        shapes.append(f'<text x="0" y="{y + BAR - 3}">{html.escape(label)}</text>')
        for peer, value in values.items():
            length = max(1, (WIDTH - LABEL - 190) * value / top)
            shapes.append(f'<rect x="{LABEL}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS.get(peer, "#888")}"/>')
            shapes.append(f'<text class="value" x="{LABEL + length + 6:.1f}" y="{y + BAR - 3}">{html.escape(peer)} {short(value)}</text>')
            y += BAR + GAP
        y += GROUP_GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}"><style>{STYLE}</style>'
            + "".join(shapes) + "</svg>\n")
