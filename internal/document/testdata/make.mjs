// Makes pdfkit.pdf (kerned standard fonts) and exceljs.xlsx (streamed, without shared strings).
import { createRequire } from 'module'; import fs from 'fs';
const require = createRequire(import.meta.url);
const PDFDocument = require('pdfkit'), ExcelJS = require('exceljs');
const rows = [...Array(60).keys()].map(i => [String(1000 + i), `Ava Toft ${i}`, `customer${i}@mail.example`, `+49 30 ${5550000 + i}`]);
const d = new PDFDocument({ info: { CreationDate: new Date(0) } });
d.pipe(fs.createWriteStream('pdfkit.pdf')); d.fontSize(9);
rows.forEach((r, i) => r.forEach((v, j) => d.text(v, [40, 90, 220, 400][j], 60 + 11 * i, { lineBreak: false })));
d.end();
const w = new ExcelJS.stream.xlsx.WorkbookWriter({ filename: 'exceljs.xlsx', useSharedStrings: false });
const s = w.addWorksheet('customers'); rows.forEach(r => s.addRow(r).commit()); s.commit(); await w.commit();
