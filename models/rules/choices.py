"""The closed lists of the interface: each code with the Chinese label that is taken for it."""

CATEGORY = {
    "consultation": "咨询",
    "suggestion": "意见建议",
    "help": "求助",
    "complaint": "投诉举报",
}
CHANNEL = {"phone": "电话", "web": "网站", "app": "客户端", "mini_program": "小程序"}
EMERGENCY = {
    "disaster": "灾害事故",
    "vulnerable": "困难群体",
    "public_health": "公共卫生",
    "utilities": "市政设施",
}
CONTACT = {"wanted": "需要联系", "unwanted": "不需要联系"}
PURPOSE = {
    "first": "首次联系",
    "closing": "办结联系",
    "survey": "满意度调查",
    "revisit": "回访",
    "proof": "举证",
}
DENIABLE = {k: PURPOSE[k] for k in ("first", "closing")}
OUTCOME = {
    "reached": "已联系",
    "no_answer": "无人接听",
    "wrong_number": "号码错误",
    "refused": "拒绝沟通",
}
METHOD = {"phone": "电话", "sms": "短信", "visit": "上门", "online": "在线"}
WITHDRAWN_TO = {"hotline": "热线", "unit": "承办单位"}
CAUSE = {"force_majeure": "不可抗力", "law_change": "法规调整"}
DISPOSAL = {
    "ordinary": "一般办理",
    "administrative_case": "行政立案",
    "judicial_transfer": "移送司法",
}
RATING = {
    "very_satisfied": "非常满意",
    "satisfied": "满意",
    "basically_satisfied": "基本满意",
    "dissatisfied": "不满意",
    "very_dissatisfied": "非常不满意",
}
DISSATISFIED = frozenset({"dissatisfied", "very_dissatisfied"})
REVISITED = {"confirmed": "属实", "corrected": "更正"}
DECIDED_BY = {"district": "区热线", "leader": "区分管领导"}
GROUND = {
    "shirking": "推诿扯皮",
    "perfunctory": "敷衍搪塞",
    "falsified": "弄虚作假",
    "attitude": "态度生硬",
    "refused_assignment": "拒不承接",
}
