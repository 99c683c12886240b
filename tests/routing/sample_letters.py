"""Letters made by the tests, of what people might write about; nobody wrote them."""

import csv
import random
from pathlib import Path

from scripts.training.labelled_letters import LabelledLetter

ABOUT = {
    "环境保护": (
        ("烧烤店油烟扰民", "楼下烧烤店每晚油烟直冲窗户，噪音到凌晨"),
        ("河水发黑发臭", "小河边的作坊往河里排污水，臭味很重"),
        ("工厂半夜排废气", "化工厂半夜排放刺鼻废气，老人孩子咳嗽"),
        ("搅拌站扬尘", "搅拌站粉尘漫天，窗台一天一层灰"),
    ),
    "教育文体": (
        ("小学入学划片", "孩子今年要上小学，学区划片没有公布"),
        ("老师有偿补课", "班主任在家里办补习班，不去的学生被冷落"),
        ("幼儿园收费", "幼儿园学费又涨了，家长没有收到通知"),
        ("中学食堂", "学校食堂饭菜变凉，住校的学生吃不饱"),
    ),
    "劳动和社会保障": (
        ("拖欠工资", "工地干了半年，包工头拖欠农民工工资"),
        ("社保断缴", "公司没有给员工缴社保，养老保险断了两年"),
        ("退休工龄", "退休时工龄少算三年，养老金低了"),
        ("工伤认定", "上班摔伤，单位不肯申请工伤认定"),
    ),
}
_OPENINGS = ("您好，", "尊敬的领导：", "请问，", "反映一下，", "麻烦看看，")
_CLOSINGS = ("请尽快处理。", "盼复。", "谢谢。", "已经打过几次电话。", "希望有人来管。")


def letters(count: int, seed: int = 1) -> list[LabelledLetter]:
    """So many letters of each label, the same for the same seed."""
    chance = random.Random(seed)
    made = []
    for label, about in ABOUT.items():
        for _ in range(count):
            title, sentence = chance.choice(about)
            more = chance.choice(about)[1]
            text = f"{chance.choice(_OPENINGS)}{sentence}。{more}，{chance.choice(_CLOSINGS)}"
            made.append(LabelledLetter(title, f"{text}{chance.randrange(10**6)}", label))
    chance.shuffle(made)
    return made


def table(path: Path, made: list[LabelledLetter], encoding: str = "utf-8") -> Path:
    """A file of labelled letters as an office exports it."""
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("留言编号", "留言主题", "留言详情", "一级分类"))
        writer.writerows((n, x.title, x.content, x.label) for n, x in enumerate(made))
    return path
