#!/usr/bin/python3
"""Makes the documents of this folder with the programs that README.md names. Everybody in them is made up."""
import random, subprocess, sys
import cairo, docx, openpyxl, xlsxwriter
from odf.opendocument import OpenDocumentSpreadsheet, OpenDocumentText
from odf.table import Table, TableRow, TableCell
from odf.text import P, A
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import SimpleDocTemplate, Table as PTable

random.seed(1)
FIRST = "Ada Björn Chloé Dinah Emeka Françoise Goran Hana Ines Jürgen".split()
LAST = "Abara Brown Çelik Dvořák Eriksen Fischer García Huber Ito Jansen".split()
def person(i):
    f, l = FIRST[i % 10], LAST[i // 10 % 10]
    return [str(1000 + i), f"{f} {l}", f"customer{i}@mail.example", f"+49 30 {5550000 + i}"]
ROWS = [person(i) for i in range(120)]
HEAD = ["id", "name", "email", "phone"]

# XLSX with shared strings, a comment, a link, a hidden sheet, document properties
wb = openpyxl.Workbook()
ws = wb.active
ws.append(HEAD)
for r in ROWS: ws.append(r)
ws["F2"] = "write"; ws["F2"].hyperlink = "mailto:linked@mail.example"
ws["F3"] = '=HYPERLINK("mailto:formula@mail.example","write")'
ws["A2"].comment = openpyxl.comments.Comment("ask commented@mail.example", "Ina Made-Up")
h = wb.create_sheet("hidden"); h.sheet_state = "hidden"; h["B7"] = "hidden@mail.example"
wb.properties.creator = "author@mail.example"
wb.save("shared.xlsx")

# XLSX with inline strings and a formula with its cached string
wb = xlsxwriter.Workbook("inline.xlsx", {"constant_memory": True})
ws = wb.add_worksheet()
for i, r in enumerate([HEAD] + ROWS):
    for j, v in enumerate(r): ws.write_string(i, j, v)
ws.write_formula(len(ROWS) + 1, 2, '=LOWER("CACHED@MAIL.EXAMPLE")', None, "cached@mail.example")
bold = wb.add_format({"bold": True})
ws.write_rich_string(len(ROWS) + 2, 0, "rich", bold, "@mail", ".example ")
wb.close()

# DOCX: an address in two runs, a table
d = docx.Document()
p = d.add_paragraph("Dear Ada, write to "); p.add_run("two").bold = True; p.add_run("runs@mail.example").italic = True
t = d.add_table(rows=0, cols=4)
for r in ROWS[:40]:
    for c, v in zip(t.add_row().cells, r): c.text = v
d.save("table.docx")

# ODS and ODT
o = OpenDocumentSpreadsheet(); t = Table(name="customers")
for r in ROWS[:60]:
    row = TableRow()
    for v in r:
        c = TableCell(); c.addElement(P(text=v)); row.addElement(c)
    t.addElement(row)
o.spreadsheet.addElement(t); o.save("sheet.ods")
o = OpenDocumentText(); p = P(text="Write to text@mail.example or ")
p.addElement(A(href="mailto:linked@mail.example", text="here")); o.text.addElement(p); o.save("text.odt")

# PDF: a table by reportlab, standard fonts, no widths, ASCII85 and Flate
SimpleDocTemplate("reportlab.pdf", pagesize=A4, invariant=1, author="author@mail.example").build([PTable([HEAD] + [[a, b.encode("latin-1", "replace").decode("latin-1"), c, e] for a, b, c, e in ROWS])])

# PDF: an embedded, subset TrueType font, so only ToUnicode tells the characters; a link; a form field
pdfmetrics.registerFont(TTFont("DejaVu", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))
c = canvas.Canvas("truetype.pdf", pagesize=A4, invariant=1)
c.setFont("DejaVu", 9)
for i, r in enumerate(ROWS[:60]):
    for x, v in zip((40, 90, 220, 400), r): c.drawString(x, 800 - 12 * i, v)
c.linkURL("mailto:linked@mail.example", (40, 20, 90, 30))
c.acroForm.textfield(name="email", value="field@mail.example", x=300, y=20, width=150, height=15)
c.save()

# PDF by cairo: object streams where it can, glyphs placed one by one
s = cairo.PDFSurface("cairo.pdf", 595, 842); x = cairo.Context(s)
x.select_font_face("DejaVu Serif"); x.set_font_size(9)
for i, r in enumerate(ROWS[:60]):
    for px, v in zip((40, 90, 220, 400), r):
        x.move_to(px, 40 + 12 * i); x.show_text(v)
s.finish()

# PDF that shows a picture and no character
s = cairo.PDFSurface("picture.pdf", 200, 200); x = cairo.Context(s)
img = cairo.ImageSurface(cairo.FORMAT_RGB24, 40, 40); x.set_source_surface(img, 10, 10); x.paint(); s.finish()

def qpdf(*a): subprocess.run(["qpdf", "--deterministic-id", *a] if "--encrypt" not in a else ["qpdf", *a], check=True)
qpdf("--object-streams=generate", "truetype.pdf", "objstm.pdf")
qpdf("--linearize", "cairo.pdf", "linearized.pdf")
qpdf("--allow-weak-crypto", "--encrypt", "", "owner", "40", "--", "truetype.pdf", "rc4-40.pdf")
qpdf("--allow-weak-crypto", "--encrypt", "", "owner", "128", "--", "truetype.pdf", "rc4-128.pdf")
qpdf("--allow-weak-crypto", "--encrypt", "", "owner", "128", "--use-aes=y", "--", "truetype.pdf", "aes-128.pdf")
qpdf("--object-streams=generate", "--encrypt", "", "owner", "256", "--", "truetype.pdf", "aes-256.pdf")
qpdf("--allow-weak-crypto", "--encrypt", "", "owner", "256", "--force-R5", "--", "truetype.pdf", "aes-256-r5.pdf")
qpdf("--encrypt", "user", "owner", "256", "--", "truetype.pdf", "password.pdf")
qpdf("--allow-weak-crypto", "--encrypt", "user", "owner", "128", "--", "truetype.pdf", "password-128.pdf")
b = open("reportlab.pdf", "rb").read()
open("damaged.pdf", "wb").write(b[:len(b) * 2 // 3])
b = bytearray(open("shared.xlsx", "rb").read()); b[len(b) // 2] ^= 0xff
open("damaged.xlsx", "wb").write(b)
