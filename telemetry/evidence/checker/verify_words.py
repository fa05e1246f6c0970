"""What the checks are called, in their order, and what is said of a pack that nobody has compared."""

from __future__ import annotations

CHECKS = {
    "listed": "Files are those listed, unchanged / ไฟล์ครบตามบัญชีและไม่ถูกแก้ไข",
    "signatures": "Lists are signed by the key / บัญชีลงลายมือชื่อด้วยกุญแจ",
    "seals": "Seals follow each other without a hole / ตราผนึกรายวันต่อเนื่องไม่ขาดตอน",
    "records": "Records are those sealed / ระเบียนตรงกับที่ผนึกไว้",
    "figures": "Figures, targets and verdicts found again are the same / ตัวชี้วัด ค่าเป้าหมาย และผลที่นับใหม่ตรงกัน",
}
OF_CENTRES = {
    **{name: CHECKS[name] for name in ("listed", "signatures")},
    "centres": "Each centre's part is right, and the table says the same / ข้อมูลของทุกศูนย์ถูกต้องและตรงกับตารางรวม",
}
UNCOMPARED = """\
ALONE It fits in itself; nobody has compared it yet. A pack forged as a whole fits in itself too: compare the lines above with
      a printed page, a mailed checkpoint, or the key that the centre gave you (--expect, --key).
      ชุดหลักฐานนี้ถูกต้องในตัวเอง แต่ยังไม่ได้เทียบกับสิ่งที่ได้รับทางอื่น ชุดที่ปลอมทั้งชุดก็ถูกต้องในตัวเองเช่นกัน โปรดเทียบบรรทัดข้างต้น"""
