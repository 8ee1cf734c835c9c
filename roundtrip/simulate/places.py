"""Destinations and home towns: real places, so that texts and files read like a travel company's."""

import numpy as np

#: (name in the data, Chinese name, relative popularity)
DOMESTIC = (
    ("Sanya", "三亚", 10), ("Beijing", "北京", 9), ("Shanghai", "上海", 9), ("Chengdu", "成都", 8),
    ("Xi'an", "西安", 7), ("Hangzhou", "杭州", 7), ("Lijiang", "丽江", 5), ("Dali", "大理", 5),
    ("Guilin", "桂林", 5), ("Xiamen", "厦门", 5), ("Qingdao", "青岛", 5), ("Chongqing", "重庆", 6),
    ("Harbin", "哈尔滨", 3), ("Zhangjiajie", "张家界", 3), ("Huangshan", "黄山", 3), ("Suzhou", "苏州", 4),
    ("Guangzhou", "广州", 5), ("Shenzhen", "深圳", 4), ("Nanjing", "南京", 4), ("Urumqi", "乌鲁木齐", 2),
    ("Changsha", "长沙", 4), ("Wuhan", "武汉", 4), ("Kunming", "昆明", 4), ("Luoyang", "洛阳", 3),
    ("Lhasa", "拉萨", 2), ("Jiuzhaigou", "九寨沟", 2), ("Dunhuang", "敦煌", 2), ("Dalian", "大连", 2),
    ("Xishuangbanna", "西双版纳", 3), ("Wuzhen", "乌镇", 2), ("Zhuhai", "珠海", 3), ("Guiyang", "贵阳", 2),
)  # fmt: skip
#: Beyond the mainland's border control: a passport or a permit is needed.
ABROAD = (
    ("Bangkok", "曼谷", 7), ("Phuket", "普吉岛", 5), ("Singapore", "新加坡", 6), ("Tokyo", "东京", 7),
    ("Osaka", "大阪", 6), ("Seoul", "首尔", 5), ("Bali", "巴厘岛", 4), ("Kuala Lumpur", "吉隆坡", 4),
    ("Paris", "巴黎", 2), ("London", "伦敦", 2), ("Dubai", "迪拜", 2), ("Male", "马尔代夫", 2),
    ("Hong Kong", "香港", 6), ("Macau", "澳门", 5), ("Chiang Mai", "清迈", 3), ("Kyoto", "京都", 4),
    ("Jeju", "济州岛", 3), ("Da Nang", "岘港", 2), ("Sapporo", "札幌", 2), ("Sydney", "悉尼", 2),
    ("Rome", "罗马", 1), ("New York", "纽约", 1),
)  # fmt: skip

NAMES = np.array([name for name, _, _ in DOMESTIC + ABROAD], dtype=object)
CHINESE_NAMES = np.array([name for _, name, _ in DOMESTIC + ABROAD], dtype=object)
POPULARITY = np.array([weight for _, _, weight in DOMESTIC + ABROAD], dtype=float)
IS_ABROAD = np.array([False] * len(DOMESTIC) + [True] * len(ABROAD))

#: (city, country, region of the market table, relative size). Towns outside the mainland, 7.5 % of the
#: customers, are served by the branches of the region named, which sets the prices they see.
HOME_TOWNS = (
    ("Shanghai", "CN", "east", 12), ("Hangzhou", "CN", "east", 6), ("Nanjing", "CN", "east", 4.5),
    ("Suzhou", "CN", "east", 4.5), ("Ningbo", "CN", "east", 2), ("Wuxi", "CN", "east", 2),
    ("Hefei", "CN", "east", 2), ("Guangzhou", "CN", "south", 8), ("Shenzhen", "CN", "south", 8),
    ("Xiamen", "CN", "south", 2.5), ("Dongguan", "CN", "south", 2), ("Foshan", "CN", "south", 2),
    ("Fuzhou", "CN", "south", 2), ("Changsha", "CN", "south", 3), ("Beijing", "CN", "north", 11),
    ("Tianjin", "CN", "north", 4), ("Qingdao", "CN", "north", 2.5), ("Jinan", "CN", "north", 2),
    ("Shenyang", "CN", "north", 2), ("Dalian", "CN", "north", 1.5), ("Zhengzhou", "CN", "north", 2.5),
    ("Chengdu", "CN", "west", 6.5), ("Chongqing", "CN", "west", 5), ("Xi'an", "CN", "west", 4),
    ("Wuhan", "CN", "west", 4), ("Kunming", "CN", "west", 2), ("Guiyang", "CN", "west", 1),
    ("Hong Kong", "HK", "south", 2.6), ("Macau", "MO", "south", 0.5), ("Singapore", "SG", "south", 1.3),
    ("Kuala Lumpur", "MY", "south", 0.8), ("George Town", "MY", "south", 0.3),
    ("Sydney", "AU", "east", 0.5), ("Melbourne", "AU", "east", 0.4), ("Auckland", "NZ", "east", 0.2),
    ("Vancouver", "CA", "east", 0.3), ("Toronto", "CA", "east", 0.25), ("Los Angeles", "US", "east", 0.4),
    ("New York", "US", "east", 0.3), ("London", "GB", "east", 0.35),
)  # fmt: skip

#: Countries of home towns, in order of first appearance.
HOME_COUNTRIES = tuple(dict.fromkeys(country for _, country, _, _ in HOME_TOWNS))
_CURRENCY_OF = {
    "CN": "CNY", "HK": "HKD", "MO": "MOP", "SG": "SGD", "MY": "MYR",
    "AU": "AUD", "NZ": "NZD", "CA": "CAD", "US": "USD", "GB": "GBP",
}  # fmt: skip
#: What is paid with at home, one code per home town.
HOME_CURRENCY = np.array([_CURRENCY_OF[country] for _, country, _, _ in HOME_TOWNS], dtype=object)
#: Yuan for one unit of a currency: rough rates that never change, so that amounts are believable and a
#: history does not depend on when it was made.
CNY_PER_UNIT = {
    "CNY": 1.0, "HKD": 0.92, "MOP": 0.89, "SGD": 5.4, "MYR": 1.65,
    "AUD": 4.7, "NZD": 4.3, "CAD": 5.2, "USD": 7.2, "GBP": 9.3,
}  # fmt: skip
