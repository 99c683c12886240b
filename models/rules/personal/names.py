"""Names of persons in a text, found by the words before or behind them."""

import re
from collections.abc import Iterator

from models.rules.personal.places import PersonalKind, Place

_SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏窦章云苏潘葛奚范彭"
    "郎鲁韦昌马苗凤方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟黄"
    "穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜"
    "郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉"
    "钮龚程嵇邢滑裴陆荣翁荀羊惠甄曲封芮储靳段焦巴牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾甘厉祖武符"
    "刘景詹束龙叶幸司黎薄印宿白怀蒲邰从鄂索咸籍赖卓蔺屠蒙池乔阴胥苍闻党翟谭贡劳逄姬申扶堵冉宰雍"
    "璩桑桂濮牛寿通边扈燕冀郏浦尚农温别庄晏柴瞿阎慕连茹习艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡"
    "国文寇广禄阙东欧利师巩聂关荆游权盖益桓涂代佘谌付肖闫覃鲜晁冼邝阳仝隋卿岳帅苟操库尧敖占官"
)
"""The characters that are a surname; the rarer ones that begin many other words are left out."""

_NO_SURNAMES = frozenset(
    "从终都通别经全国东文明关满时向支成应干步居山广元方安常和高于乐解怀权车费习代房强利解操占边扶宿宰祖宗幸尤"
)
"""Surnames that more often are another word: taken only where a name is announced."""

_COMPOUND_SURNAMES = (
    "欧阳|司徒|上官|诸葛|司马|端木|皇甫|尉迟|公孙|慕容|令狐|夏侯|东方|南宫|轩辕|闻人|独孤"
)
_COMPOUND = re.compile(_COMPOUND_SURNAMES)
_FIRST = _SURNAMES | {surname[0] for surname in _COMPOUND_SURNAMES.split("|")}

_NOT_GIVEN = (
    "的了是在有不我你他她它们这那个位来去上下到说请问啊吗呢吧就也还很被对给为以及或没无要会能可"
    "员人户主等某者总处局委办所里区市县镇村街路号楼栋费钱款"
)
"""Characters that hardly any given name has, and that many words have."""

_NO_NAME = re.compile(
    "方面|应该|应当|应有|应予|高度|高兴|常常|经常|时常|时间|时候|安全|安置|安排"
    "|安装|万分|向来|平时|于是|何时|何况|任何|任意|任由|全体|全部|全家|包括|包含"
    "|成立|成为|成员|明确|明显|明明|明知|金额|关于|关心|连续|连同|白天|晚上|项目"
    "|房屋|房产|房东|温馨|路过|路上|计划|支持|管理|管道|花费|单位|单独|单方|干净"
    "|干部|广大|广场|国家|文化|文件|家属|居民|居住|边上|解决|解释|都是|都在|方便"
    "|车辆|车子|车位|农民|农村|水电|党员|权益|权利|利益|孙女|孙子|陈述|陈列|任职"
    "|任期|任教|任命|金属|夏天|秋季|程序|管部|钱财|钱物|怀孕|宿舍|更名|先生|同学"
    "|女士|同志|经理|主任|老师|师傅|书记|医生|别墅|别人|通过|通知|全程|全额|符合"
    "|强烈|强行|强制|幸好|危险|寿命|司机|盖章|盖房|易燃|温度|江边|海边|满意|满足"
    "|满分|申请|申诉|申报|严重|严格|古稀|劳动|山上|容易|艾滋|牛奶|牧民|游客|武装"
    "|仰望|巴士|秋天|班级|白跑|黄牛|石油|阳台|阳光|金融|甘心|马上|雷电|燕子|余额"
    "|余下|章程|康复|毕业|纪委|符号|项下|路口|祖宅|祖屋|祖孙|小姐|管教|申领|别处|向上|向您|向你"
    "|向贵|易发|应急|徐徐|宁可|宁愿|乐意|乐于|和谐|左右|左边|官方|占用|占道|强占"
    "|欧元|代表|代理|代办|代为|代缴|利用|游戏|游玩|鱼塘|尚未|尚且|尚有|终于|终身"
    "|终止|广东|广州|广告|山东|江西|江苏|湛江|云南|云浮|贵州|吉林|宁夏|甘肃|海南"
    "|河南|河北|河源|惠州|惠来|梅州|汤坑|石家|齐全|齐心|温泉|通行|明天|明年|明晚"
    "|步行|步步|从小|从来|从未|从事|全国|全市|全区|全日|全天|全职|全年|全款|高中"
    "|陆续|扶持|高考|高校|高空|高层|高龄"
)
"""Words of two characters that begin like a name."""

_ANNOUNCED = r"我叫|我名叫|名叫|名字叫|名字是|本人叫|本人姓名|本人名叫|叫做|真名|姓\s{0,4}名"
"""Words that are followed by a name and nothing else."""

_ROLES = (
    "法定代表人|业主代表|法人代表|退休工人|退休教师|联系人|联络人|投诉人|举报人|反映人"
    "|来电人|来信人|诉求人|信访人|上访人|求助人|申请人|当事人|受害人|被害人|承租人"
    "|出租人|收款人|收件人|寄件人|持卡人|参保人|参保者|监护人|代理人|委托人|经办人"
    "|负责人|残疾人|低保户|贫困户|五保户|留言人|租客|租户|房东|房主|户主|业主|户名"
    "|法人|患者|病人|死者|伤者|乘客|司机|学生|家长|老人|母亲|父亲|妈妈|爸爸|妻子"
    "|丈夫|老婆|老公|爱人|儿子|女儿|孙子|孙女|哥哥|姐姐|弟弟|妹妹|爷爷|奶奶|外公"
    "|外婆|签名|署名|签字|落款|实名|居民|村民|市民|职工|我是|本人|叫"
)
"""Words that may be followed by a name, the longest first."""

_BEFORE = re.compile(f"{_ANNOUNCED}|{_ROLES}")
_IS_ANNOUNCED = re.compile(_ANNOUNCED)
_COLON = re.compile(r"[:：\s]{0,4}")
_IS = re.compile(r"[:：\s是为叫]{0,4}")

_BEHIND = re.compile(r"先生|女士|同志|小姐|[,，、 (（]{1,2}[男女](?![\u4e00-\u9fff])")
"""Words that follow a name."""

_NAME_BEFORE = re.compile(
    rf"(?:(?:{_COMPOUND_SURNAMES})[\u4e00-\u9fff]{{1,2}}|[\u4e00-\u9fff]{{3}}"
    r"|(?<![\u4e00-\u9fff])[\u4e00-\u9fff]{2})$"
)
_LONGEST = 4
"""The characters of a compound surname with a given name."""

_HAS_NUMBER = re.compile(
    rf"(?<![\u4e00-\u9fff])(?P<name>(?:{_COMPOUND_SURNAMES})?[\u4e00-\u9fff]{{2,3}}?)"
    r"[\s，,:：(（]{0,2}(?:联系)?(?:电话|手机|身份证)?(?:号码?)?[\s:：(（是为+]{0,3}$"
)
_LONGEST_TO_NUMBER = 18

_FOREIGN_NAME = re.compile(r"[\u4e00-\u9fff]{2,6}[·•・][\u4e00-\u9fff]{2,8}")

_ENDS = re.compile(r"$|[^\u4e00-\u9fff]")
_GOES_ON = re.compile(
    r"先生|女士|同志|小姐|男|女|身份|证|电话|手机|联系|住|家|现|今|年|系|于|是|在|反映|来电|来信|投诉|举报|称|说|表示"
    r"|多次|诉|要求|希望|认为|不|拖|态度|的|与|和|因|向|提出|申请|名下|籍|出生|所|瘫|患|残|离|去世|已|至今|拒|私自"
    r"|将|把|被|到|从|为|户|签|咨询|查询|打|天天|昨|前|坐|乘|又|经|刚|收|欠|退|一家|等|未|没|曾|户籍|购买|需|想|无"
)


def locate_names(text: str) -> Iterator[Place]:
    """Yield the names that are announced as such, or stand with what a person is."""
    for match in _BEFORE.finditer(text):
        announced = _IS_ANNOUNCED.fullmatch(match.group()) is not None
        gap = (_IS if announced or match.group()[-1] in "人主" else _COLON).match(text, match.end())
        begins = gap.end() if gap is not None else match.end()
        yield from _names_from(text, begins, announced=announced)
    for match in _BEHIND.finditer(text):
        name = _NAME_BEFORE.search(text, max(match.start() - _LONGEST, 0), match.start())
        if name is not None and _is_name(name.group(), announced=False):
            yield Place(*name.span(), PersonalKind.NAME)


def name_before_number(text: str, begins: int) -> Iterator[Place]:
    """Yield the name whose number begins here, as in `林小满 138…` and `林小满，电话138…`."""
    match = _HAS_NUMBER.search(text, max(begins - _LONGEST_TO_NUMBER, 0), begins)
    if match is not None and _is_name(match["name"], announced=False):
        yield Place(*match.span("name"), PersonalKind.NAME)


def _names_from(text: str, begins: int, *, announced: bool) -> Iterator[Place]:
    """Yield the name that begins here, and those that follow it in a list."""
    while (ends := _end_of_name(text, begins, announced=announced)) is not None:
        yield Place(begins, ends, PersonalKind.NAME)
        if text[ends : ends + 1] != "、":
            return
        begins, announced = ends + 1, False


def _end_of_name(text: str, begins: int, *, announced: bool) -> int | None:
    """Return where a name ends that begins here, or None where none does."""
    if announced and (foreign := _FOREIGN_NAME.match(text, begins)) is not None:
        return foreign.end()
    if text[begins : begins + 1] not in _FIRST:
        return None
    surname = 2 if _COMPOUND.match(text, begins) else 1
    short, long = begins + surname + 1, begins + surname + 2
    is_short, is_long = (
        ends <= len(text) and _is_name(text[begins:ends], announced=announced)
        for ends in (short, long)
    )
    if is_long and _ENDS.match(text, long):
        return long
    if is_short and (_ENDS.match(text, short) or _GOES_ON.match(text, short)):
        return short
    if is_long and (announced or _GOES_ON.match(text, long)):
        return long
    return None


def _is_name(name: str, *, announced: bool) -> bool:
    """Return whether characters may be a surname with a given name."""
    surname = 2 if _COMPOUND.match(name) else 1
    given_name = name[surname:]
    if not given_name or not all(
        "\u4e00" <= c <= "\u9fff" and c not in _NOT_GIVEN for c in given_name
    ):
        return False
    if surname == 2:
        return True
    known = name[0] in _SURNAMES and (announced or name[0] not in _NO_SURNAMES)
    return known and not (_NO_NAME.match(name) or _NO_NAME.match(name, 1))
